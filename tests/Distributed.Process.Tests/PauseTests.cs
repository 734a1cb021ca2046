using System.Diagnostics;
using Xunit.Abstractions;

namespace Distributed.Process.Tests;

/// <summary>
/// Processes that stand still and go on later, as under a debugger or on a host that swaps.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class PauseTests(Workplace workplace, ITestOutputHelper output)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(Chaos.Times(4, 10));

    public static TheoryData<int> Seeds() => [.. Chaos.Seeds(ordinary: 1, chaos: 10)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void AWorkerThatStandsStillIsLeftOutAndJoinsAgain(int seed)
    {
        var random = new Random(seed);
        Recipe recipe = Recipe.LongCourseCnn;
        using DisturbedRun run = DisturbedRun.Start(workplace, recipe, workers: 3);
        run.Command.WaitForStep(random.Next(5, recipe.Steps / 8));
        string victim = run.Ranks[random.Next(run.Ranks.Count)];
        int process = run.WorkerId(victim);

        var paused = Stopwatch.StartNew();
        Moment pause = run.Now();
        Signals.Send(process, Signals.Stop);
        Arrival without = run.Command.WaitForArrival(
            "generation", happened => !DisturbedRun.Workers(happened).Contains(victim),
            pause.Line);
        GoOnMeanwhile(run, without, paused, recipe);
        Moment resume = run.Now();
        Signals.Send(process, Signals.Continue);
        Arrival? again = run.NextGeneration(resume, workers => workers.Contains(victim));
        CommandResult result = run.FinishAsUndisturbed();

        Assert.Contains(victim, without.Text("reason"));
        string log = run.Log(victim);
        Assert.True(
            log.Contains("removed from the cluster", StringComparison.Ordinal)
                && log.Contains("joining as new", StringComparison.Ordinal),
            $"{victim} says that it joins as new\n{log}\n{result.Story}");
        output.WriteLine(again is null
            ? "the run ended before it was back"
            : $"back after step {again.Number("step")}");
        if (again is not null)
            Assert.Equal(process, run.WorkerId(victim));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void WorkersGoOnWhileTheCoordinatorStandsStill(int seed)
    {
        Recipe recipe = Recipe.LongCourseCnn;
        using DisturbedRun run = DisturbedRun.Start(workplace, recipe, workers: 2);
        run.Command.WaitForStep(new Random(seed).Next(5, recipe.Steps / 4));
        int coordinator = run.CoordinatorId();

        Signals.Send(coordinator, Signals.Stop);
        Thread.Sleep(Pause);
        Signals.Send(coordinator, Signals.Continue);
        run.FinishAsUndisturbed();

        // Had the workers waited for it, this would be all of the pause.
        double longestMs = RunFolder.LongestGapsMs(run.Folder).Max();
        output.WriteLine($"the longest time between two steps is {longestMs:0} ms");
        Assert.True(longestMs < Pause.TotalMilliseconds * 0.75, $"no step in {longestMs} ms");
    }

    /// <summary>
    /// Holds the pause for its time, or as long as there are enough steps left to come back for.
    /// </summary>
    private static void GoOnMeanwhile(
        DisturbedRun run, Arrival without, Stopwatch paused, Recipe recipe)
    {
        long step = without.Number("step");
        do
        {
            run.Command.WaitForStep(++step);
        }
        while (paused.Elapsed < Pause && step < recipe.Steps * 2 / 3);
    }
}
