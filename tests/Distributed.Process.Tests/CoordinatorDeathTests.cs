using System.Globalization;
using System.Text.Json;
using Distributed.Runtime.Tests.Store;
using Xunit.Abstractions;

namespace Distributed.Process.Tests;

/// <summary>
/// Coordinators die. Workers train on meanwhile, and the next coordinator has the whole record.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class CoordinatorDeathTests(Workplace workplace, ITestOutputHelper output)
{
    private const int Workers = 3;

    [Fact]
    public void AKilledCoordinatorIsReplacedAndTheRecordStaysWhole()
    {
        int kills = Chaos.Times(ordinary: 3, chaos: 20);
        var random = new Random(kills);
        var figures = new Figures(
            "coordinator-death",
            $"the coordinator killed {kills} times while {Workers} workers train course-cnn on one "
            + "machine: from the signal until its successor acts and until that one's first event; "
            + "how many steps were committed between the last event before and the first after; "
            + "and the longest time between two steps in each quarter of a second of each worker, "
            + "beside that of a run that was left in peace",
            output);
        Recipe recipe = Chaos.IsOn ? Recipe.VeryLongCourseCnn : Recipe.LongCourseCnn;
        while (kills > 0)
        {
            using DisturbedRun run = DisturbedRun.Start(workplace, recipe, Workers);
            run.Command.WaitForArrival("generation");
            kills -= KillUntilNearTheEnd(run, recipe, random, kills, figures);
            NobodyWaited(run.FinishAsUndisturbed(), Workers);
            foreach (double gapMs in RunFolder.LongestGapsMs(run.Folder))
                figures.Add("longest_gap_ms", gapMs);
        }

        if (Chaos.IsOn)
            MeasureInPeace(recipe, figures);
        figures.Write();
    }

    /// <summary>Nobody else could do its work there.</summary>
    [Fact]
    public void InSingleNodeModeACoordinatorThatIsAskedToStopIsStartedAgain()
    {
        using DisturbedRun run = DisturbedRun.Start(workplace, Recipe.LongAdamNorm, workers: 2);
        run.Command.WaitForStep(10);
        Signals.Send(run.CoordinatorId(), Signals.Terminate);
        run.Command.WaitForError("starting it again");
        run.FinishAsUndisturbed();
    }

    [Fact]
    public void AStandbyTakesOver() => TakeOver(store: null);

    [Fact]
    public void AStandbyTakesOverWhatIsInPostgres()
    {
        if (PostgresServer.BinaryFolder is null)
        {
            output.WriteLine("left out: PostgreSQL is not installed (apt-get install postgresql)");
            return;
        }

        using var server = new PostgresServer();
        TakeOver(server.Database("cluster"));
    }

    private void TakeOver(string? store)
    {
        using var cluster = new HandStartedCluster(workplace, store);
        cluster.Seeds.AddRange(HandStartedCluster.FreeAddresses(2));
        CommandRun acting = cluster.StartCoordinator(cluster.Seeds[0]);
        CommandRun standby = cluster.StartCoordinator(cluster.Seeds[1]);
        CommandRun[] workers = [cluster.StartWorker("alpha"), cluster.StartWorker("beta")];
        // The standby names the one that acts, and is still known when that one is dead. Nobody
        // listens at the first address.
        string nobody = HandStartedCluster.FreeAddresses(1)[0];
        using DisturbedRun run = cluster.Submit(
            Recipe.LongCourseCnn, $"{nobody},{cluster.Seeds[1]}");

        run.Command.WaitForStep(20);
        Moment kill = run.Kill(acting.ProcessId);
        var takeover = FirstEvent(run, kill, () => Terms(standby.ErrorText));
        Assert.NotNull(takeover);
        output.WriteLine(
            $"the standby acted after {(takeover.Value.Acts - kill.At).TotalMilliseconds:0} ms, its"
            + $" first event came after {(takeover.Value.Next.At - kill.At).TotalMilliseconds:0}");

        NobodyWaited(run.FinishAsUndisturbed(), workers.Length);
        Assert.All(
            workers.Append(standby), node => Assert.True(Signals.IsAlive(node.ProcessId)));
    }

    private void MeasureInPeace(Recipe recipe, Figures figures)
    {
        using DisturbedRun run = DisturbedRun.Start(workplace, recipe, Workers);
        run.FinishAsUndisturbed();
        foreach (double gapMs in RunFolder.LongestGapsMs(run.Folder))
            figures.Add("longest_gap_in_peace_ms", gapMs);
    }

    /// <summary>Returns how many times it has killed.</summary>
    private static int KillUntilNearTheEnd(
        DisturbedRun run, Recipe recipe, Random random, int killsMax, Figures figures)
    {
        long step = 0;
        for (int kills = 0; kills < killsMax; kills++)
        {
            step += random.Next(5, 30);
            if (step > recipe.Steps * 4 / 5)
                return kills;
            run.Command.WaitForStep(step);
            long before = run.Command.Arrivals("step")[^1].Number("step");
            int terms = Terms(run.Log("coordinator")).Count;
            Moment kill = run.Kill(run.CoordinatorId());
            if (FirstEvent(run, kill, () => Terms(run.Log("coordinator")).Skip(terms))
                is not var (acts, next))
                return kills + 1;
            figures.Add("acts_ms", (acts - kill.At).TotalMilliseconds);
            figures.Add("takeover_ms", (next.At - kill.At).TotalMilliseconds);
            step = next.Number("step");
            figures.Add("steps_meanwhile", step - before);
        }

        return killsMax;
    }

    /// <summary>
    /// When the next coordinator began to act, and the first step that it told; null where the run
    /// ended before. Steps that come before that are still its predecessor's.
    /// </summary>
    private static (DateTimeOffset Acts, Arrival Next)? FirstEvent(
        DisturbedRun run, Moment kill, Func<IEnumerable<DateTimeOffset>> terms)
    {
        int line = kill.Line;
        while (run.Command.FindArrival("step", from: line) is { } next)
        {
            DateTimeOffset acts = terms().FirstOrDefault(DateTimeOffset.MaxValue);
            if (next.At >= acts)
                return (acts, next);
            line = next.Line + 1;
        }

        return null;
    }

    /// <summary>When the coordinators of a log began to act.</summary>
    private static IReadOnlyList<DateTimeOffset> Terms(string log) =>
    [
        .. log.Split('\n')
            .Where(line => line.Contains(" acts in term ", StringComparison.Ordinal))
            .Select(line => DateTimeOffset.Parse(
                line.Split(' ')[0], CultureInfo.InvariantCulture)),
    ];

    /// <summary>
    /// No step was broken off and no worker left out. Shards may have moved to a faster one.
    /// </summary>
    private static void NobodyWaited(CommandResult result, int workers)
    {
        Assert.Equal(0, JsonEvents.Done(result).GetProperty("steps_redone").GetInt64());
        Assert.All(
            JsonEvents.Of(result, "generation"),
            generation => Assert.Equal(workers, DisturbedRun.Workers(generation).Count));
    }
}
