using System.Diagnostics;
using System.Text.Json;

namespace Distributed.Process.Tests;

/// <summary>Workers that are told to go, and jobs that have too few of them.</summary>
[Collection(ProcessCollection.Name)]
public sealed class LeaveTests(Workplace workplace)
{
    /// <summary>The default of training.termination-grace.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(20);

    [Fact]
    public void AWorkerThatIsToldToGoHandsOverAndNoStepIsRedone()
    {
        using HandStartedCluster cluster = StartCluster();
        cluster.StartWorker("alpha");
        CommandRun beta = cluster.StartWorker("beta");
        cluster.StartWorker("gamma");
        using DisturbedRun run = cluster.Submit(Recipe.LongAdamNorm, cluster.Seeds[0]);
        run.Command.WaitForStep(10);
        Assert.Equal(["alpha", "beta", "gamma"], run.Ranks.Order());

        Leave(beta);
        Arrival without = run.Command.WaitForArrival(
            "generation", happened => happened.GetProperty("generation").GetInt32() == 2);
        CommandResult result = run.FinishAsUndisturbed();

        Assert.Equal("beta leaves", without.Text("reason"));
        Assert.Equal(["alpha", "gamma"], DisturbedRun.Workers(without.Event).Order());
        JsonElement done = JsonEvents.Done(result);
        Assert.Equal(0, done.GetProperty("steps_redone").GetInt64());
        Assert.Equal(2, done.GetProperty("generations").GetInt32());
    }

    [Fact]
    public void TheLastWorkerSavesTheStateBeforeItGoes()
    {
        using HandStartedCluster cluster = StartCluster();
        CommandRun alpha = cluster.StartWorker("alpha");
        using DisturbedRun run = cluster.Submit(
            Recipe.LongCourseCnn, cluster.Seeds[0], "--checkpoint-every",
            $"{Recipe.LongCourseCnn.Steps}");
        run.Command.WaitForStep(10);

        Leave(alpha);
        Arrival saved = run.Command.WaitForArrival("checkpoint");
        run.Command.WaitForError("waiting for workers");
        cluster.StartWorker("beta");
        Arrival goesOn = run.Command.WaitForArrival("generation", from: saved.Line);
        CommandResult result = run.FinishAsUndisturbed();

        Assert.InRange(saved.Number("step"), 10, Recipe.LongCourseCnn.Steps - 1);
        Assert.Equal(saved.Number("step"), goesOn.Number("step"));
        Assert.Equal(["beta"], DisturbedRun.Workers(goesOn.Event));
        Assert.Equal(0, JsonEvents.Done(result).GetProperty("steps_redone").GetInt64());
    }

    [Fact]
    public void WithFewerWorkersThanTheMinimumTheJobWaitsAndSaysSo()
    {
        using HandStartedCluster cluster = StartCluster("training.min-workers=2");
        cluster.StartWorker("alpha");
        CommandRun beta = cluster.StartWorker("beta");
        using DisturbedRun run = cluster.Submit(Recipe.LongCourseCnn, cluster.Seeds[0]);
        run.Command.WaitForStep(10);

        Moment kill = run.Kill(beta.ProcessId);
        run.Command.WaitForError("waiting for workers: 1 of at least 2");
        Assert.Null(run.Command.Arrivals("generation").FirstOrDefault(
            arrival => arrival.Line >= kill.Line));
        cluster.StartWorker("gamma");
        Arrival goesOn = run.Command.WaitForArrival("generation", from: kill.Line);
        CommandResult result = run.FinishAsUndisturbed();

        Assert.Equal(["alpha", "gamma"], DisturbedRun.Workers(goesOn.Event).Order());
        Assert.InRange(JsonEvents.Done(result).GetProperty("steps_redone").GetInt64(), 0, 1);
    }

    private static void Leave(CommandRun worker)
    {
        var leaving = Stopwatch.StartNew();
        Signals.Send(worker.ProcessId, Signals.Terminate);
        worker.Finish().Expect(0);
        Assert.True(leaving.Elapsed < Grace, $"it took {leaving.Elapsed} to leave");
    }

    private HandStartedCluster StartCluster(params string[] settings)
    {
        var cluster = new HandStartedCluster(workplace);
        cluster.Seeds.AddRange(HandStartedCluster.FreeAddresses(1));
        cluster.StartCoordinator(cluster.Seeds[0], settings);
        return cluster;
    }
}
