using System.Text.Json;

namespace Distributed.Process.Tests;

/// <summary>Every order that pbm takes, against clusters of real processes.</summary>
[Collection(ProcessCollection.Name)]
public sealed class PbmOrderTests(Workplace workplace)
{
    private int _line;

    [Fact]
    public void ARunObeysEveryOrder()
    {
        using CommandRun run = workplace.StartTraining(
            Recipe.VeryLongCourseCnn, workplace.NewPath("ordered"), workers: 4);
        string pbm = run.WaitForArrival("listening").Text("pbm");
        run.WaitForStep(3);

        Order(pbm, "train pause");
        Await(pbm, "train list", "paused");
        Order(pbm, "train checkpoint");
        run.WaitForArrival("checkpoint");
        Order(pbm, "train resume");
        Arrival resumed = run.WaitForArrival(
            "generation", happened => happened.GetProperty("generation").GetInt32() == 2);
        Assert.Equal("the job was resumed", resumed.Text("reason"));
        _line = resumed.Line + 1;

        Order(pbm, "train scale --workers 3");
        WaitForWorkers(run, 3);
        Order(pbm, "train scale --workers 4");
        WaitForWorkers(run, 4);
        Order(pbm, "worker bench w3 --reason noise");
        WaitForWorkers(run, 3);
        Await(pbm, "worker list", "benched");
        Order(pbm, "worker unbench w3");
        WaitForWorkers(run, 4);

        Order(pbm, "cluster down w0 --yes");
        Await(pbm, "cluster tail -n 100", "MemberDowned  w0");
        Order(pbm, "cluster down-unreachable --yes");
        Order(pbm, "worker drain w1 --yes");
        run.WaitForError("it is not started again");
        Order(pbm, "cluster leave w2 --yes");
        Await(pbm, "cluster show", "Count: 3 nodes");
        Order(pbm, "log level debug");
        Order(pbm, "train stop --yes");
        run.Finish().Expect(130);
    }

    [Fact]
    public void ASweepObeysEveryOrder()
    {
        string file = workplace.NewPath("ordered-sweep") + ".yaml";
        File.WriteAllText(file, $$"""
            name: ordered
            run: {dataset: {{workplace.DatasetFolder}}, model: course-cnn, epochs: 400}
            space: {optimizer.learningRate: {loguniform: [1e-4, 1e-2]} }
            sampler: random
            objective: maximize testAccuracy
            trials: 3
            """);
        using CommandRun run = workplace.Start(
            "sweep", file, "--json", "--workers", "1", "--out", workplace.NewPath("swept"));
        string pbm = run.WaitForArrival("listening").Text("pbm");

        Await(pbm, "sweep trials", "running");
        Assert.Contains("ordered", Ask(pbm, "sweep list"));
        Assert.Contains("TestAccuracy up", Ask(pbm, "sweep show ordered"));
        Assert.Contains("learningRate", Ask(pbm, "sweep trials"));
        Assert.Contains("ordered", Ask(pbm, "train list"));
        Order(pbm, "sweep pause");
        Await(pbm, "sweep list", "paused");
        Order(pbm, "sweep resume");
        Await(pbm, "sweep trials --state running", "running");
        Assert.Contains("no trial has failed", Run(pbm, "sweep retry").Expect(1).OnlyError());
        Order(pbm, "sweep stop --yes");
        run.Finish();
    }

    /// <summary>A worker that dies is on the page within moments, with the reason.</summary>
    [Fact]
    public async Task TheDashboardOfARunShowsAKilledWorker()
    {
        using CommandRun run = workplace.StartTraining(
            Recipe.VeryLongCourseCnn, workplace.NewPath("watched"), workers: 2);
        Arrival places = run.WaitForArrival("listening");
        run.WaitForStep(3);
        using var http = new HttpClient { BaseAddress = new Uri(places.Text("dashboard")) };
        Assert.Contains("<title>", await http.GetStringAsync("/"));
        using var metrics = new HttpClient();
        Assert.Contains(
            "distributed_cluster_workers", await metrics.GetStringAsync(places.Text("metrics")));

        using var events = new StreamReader(await http.GetStreamAsync("/api/events"));
        await UntilAsync(events, "\"w1\"");
        Arrival victim = run.WaitForArrival(
            "worker", up => up.GetProperty("worker").GetString() == "w1");
        Signals.Send((int)victim.Number("pid"), Signals.Kill);
        await UntilAsync(events, "its connection broke");
        Signals.Send(run.ProcessId, Signals.Interrupt);
        run.Finish().Expect(130);
    }

    private static async Task UntilAsync(StreamReader events, string text)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await events.ReadLineAsync(patience.Token) is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
                return;
        }

        Assert.Fail($"the stream ended before it told of {text}");
    }

    /// <summary>A generation of so many, after those that were waited for before.</summary>
    private void WaitForWorkers(CommandRun run, int count) => _line = run.WaitForArrival(
        "generation", happened => DisturbedRun.Workers(happened).Count == count, _line).Line + 1;

    private void Order(string pbm, string command) => Run(pbm, command).Expect(0);

    private string Ask(string pbm, string command)
    {
        foreach (string line in Run(pbm, command + " --json").Expect(0).Output)
            JsonDocument.Parse(line).Dispose();
        return string.Join('\n', Run(pbm, command).Expect(0).Output);
    }

    /// <summary>Asks again and again; what streams is waited for.</summary>
    private void Await(string pbm, string command, string answer)
    {
        if (command.Contains("tail", StringComparison.Ordinal))
        {
            using CommandRun tail = Start(pbm, command);
            tail.WaitForLine(line => line.Contains(answer, StringComparison.Ordinal), answer);
            return;
        }

        DateTime deadline = DateTime.UtcNow + TimeSpan.FromSeconds(60);
        CommandResult told = Run(pbm, command);
        while (told.ExitCode != 0 || !told.Output.Any(
            line => line.Contains(answer, StringComparison.Ordinal)))
        {
            Assert.True(DateTime.UtcNow < deadline, $"never told of {answer}\n{told.Story}");
            Thread.Sleep(100);
            told = Run(pbm, command);
        }

        Ask(pbm, command);
    }

    private CommandRun Start(string pbm, string command) =>
        CommandRun.Start(workplace, [pbm, .. command.Split(' ')], Repository.Pbm);

    private CommandResult Run(string pbm, string command)
    {
        using CommandRun run = Start(pbm, command);
        return run.Finish();
    }
}
