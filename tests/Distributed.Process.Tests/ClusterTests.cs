namespace Distributed.Process.Tests;

/// <summary>Nodes that are started by hand, as on several machines.</summary>
[Collection(ProcessCollection.Name)]
public sealed class ClusterTests(Workplace workplace)
{
    [Fact]
    public void ARunningClusterTrainsOneJobAfterTheOtherToTheSameBits()
    {
        using CommandRun coordinator = StartCoordinator();
        string address = AddressOf(coordinator);
        using CommandRun alpha = StartWorker(address, "alpha");
        using CommandRun beta = StartWorker(address, "beta");

        foreach (Recipe recipe in new[] { Recipe.CourseCnn, Recipe.Norm })
        {
            using CommandRun run = workplace.Start(
                [
                    .. workplace.Arguments(recipe), "--cluster", address, "--out",
                    workplace.NewPath("submitted"),
                ]);
            CommandResult result = run.Finish().Expect(0);

            Assert.Equal(JsonEvents.Hash(workplace.Undisturbed(recipe)), JsonEvents.Hash(result));
        }

        foreach (CommandRun node in new[] { alpha, beta, coordinator })
        {
            Signals.Send(node.ProcessId, Signals.Interrupt);
            node.Finish().Expect(0);
        }
    }

    [Fact]
    public void APortThatIsTaken()
    {
        using CommandRun first = StartCoordinator();
        string address = AddressOf(first);

        CommandResult second = workplace.Run(
            "coordinator", "--set", $"remote.port={address.Split(':')[1]}");

        string error = second.Expect(1).OnlyError();
        Assert.Contains(address, error);
        Assert.Contains("in use", error);
        Assert.Empty(second.Output);
        Signals.Send(first.ProcessId, Signals.Interrupt);
        first.Finish().Expect(0);
    }

    /// <summary>
    /// Goal: an operator's tools read what a coordinator says. Method: its metrics over HTTP, its
    /// log as JSON, and another coordinator that is to have the same port for metrics.
    /// </summary>
    [Fact]
    public async Task ACoordinatorTellsItsMetricsAndLogsAsJson()
    {
        using CommandRun coordinator = workplace.Start(
            "coordinator", "--log-format", "json", "--set", "remote.port=0");
        string line = coordinator.WaitForLine(_ => true, "its address");
        string metrics = JsonEvents.Parse(line).GetProperty("metrics").GetString()!;
        using var http = new HttpClient();
        Assert.Contains("distributed_cluster_term", await http.GetStringAsync(metrics));

        CommandResult second = workplace.Run(
            "coordinator", "--set", "remote.port=0", "--set",
            $"metrics.port={new Uri(metrics).Port}");
        Assert.Contains("--set metrics.port=0", second.Expect(1).Errors[^1]);

        Signals.Send(coordinator.ProcessId, Signals.Interrupt);
        CommandResult ended = coordinator.Finish().Expect(0);
        Assert.NotEmpty(ended.Errors);
        Assert.All(ended.Errors, said => Assert.Equal(
            "coordinator", JsonEvents.Parse(said).GetProperty("node").GetString()));
    }

    [Fact]
    public async Task ACoordinatorServesItsPageAndNamesTheKeyOfAPortThatIsTaken()
    {
        using CommandRun first = workplace.Start("coordinator", "--set", "remote.port=0");
        string line = first.WaitForLine(_ => true, "its address");
        var page = new Uri(JsonEvents.Parse(line).GetProperty("dashboard").GetString()!);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        Assert.Contains("<title>Cluster</title>", await http.GetStringAsync(page));

        CommandResult second = workplace.Run(
            "coordinator", "--set", "remote.port=0", "--set", $"dashboard.port={page.Port}");

        Assert.Contains("set dashboard.port to another", second.Expect(1).Story);
        Assert.Empty(second.Output);
        Signals.Send(first.ProcessId, Signals.Interrupt);
        first.Finish().Expect(0);
    }

    [Fact]
    public void NobodyAtTheAddressOfTheCluster()
    {
        using CommandRun coordinator = StartCoordinator();
        string address = AddressOf(coordinator);
        Signals.Send(coordinator.ProcessId, Signals.Interrupt);
        coordinator.Finish().Expect(0);

        workplace.Undisturbed(Recipe.CourseCnn); // So that no word is said of the dataset.
        CommandResult result = workplace.Run(
            [
                .. workplace.Arguments(Recipe.CourseCnn), "--cluster", address, "--out",
                workplace.NewPath("nobody"),
            ]);

        Assert.Contains(address, result.Expect(1).OnlyError());
    }

    private static string AddressOf(CommandRun coordinator)
    {
        string line = coordinator.WaitForLine(_ => true, "its address");
        return JsonEvents.Parse(line).GetProperty("address").GetString()!;
    }

    private CommandRun StartCoordinator() => workplace.Start(
        "coordinator", "--set", "remote.port=0");

    private CommandRun StartWorker(string address, string name) => workplace.Start(
        "worker", "--set", $"worker.name={name}", "--set", $"cluster.seed-nodes=[\"{address}\"]");
}
