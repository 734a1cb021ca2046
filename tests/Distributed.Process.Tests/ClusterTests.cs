namespace Distributed.Process.Tests;

/// <summary>Nodes that are started by hand, as on several machines.</summary>
[Collection(ProcessCollection.Name)]
public sealed class ClusterTests(Workplace workplace)
{
    [Fact]
    public void ARunningClusterTrainsOneJobAfterTheOtherToTheSameBits()
    {
        using CommandRun coordinator = workplace.Start("coordinator", "--set", "remote.port=0");
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
        using CommandRun first = workplace.Start("coordinator", "--set", "remote.port=0");
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

    [Fact]
    public void NobodyAtTheAddressOfTheCluster()
    {
        using CommandRun coordinator = workplace.Start("coordinator", "--set", "remote.port=0");
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

    private CommandRun StartWorker(string address, string name) => workplace.Start(
        "worker", "--set", $"worker.name={name}", "--set", $"cluster.seed-nodes=[\"{address}\"]");
}
