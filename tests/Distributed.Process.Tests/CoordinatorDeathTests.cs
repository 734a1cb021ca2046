using System.Globalization;
using System.Text.Json;
using Xunit.Abstractions;

namespace Distributed.Process.Tests;

/// <summary>
/// Coordinators die. Workers train on meanwhile, and the next coordinator has the whole record.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class CoordinatorDeathTests(Workplace workplace, ITestOutputHelper output)
{
    private const int Workers = 3;

    /// <summary>A process that ends too often at once is not started again for ever.</summary>
    private const int KillsMaxOfARun = 4;

    [Fact]
    public void AKilledCoordinatorIsReplacedAndTheRecordStaysWhole()
    {
        int kills = Chaos.Times(ordinary: 3, chaos: 20);
        var random = new Random(kills);
        var figures = new Figures(
            "coordinator-death",
            $"the coordinator killed {kills} times while {Workers} workers train course-cnn on one "
            + "machine: from the signal until its successor acts and until that one's first event, "
            + "how many steps were committed between the last event before and the first after, "
            + "and the longest time that a report of about 250 ms covers, which no pause between "
            + "two steps exceeds",
            output);
        for (int killed = 0; killed < kills;)
        {
            using DisturbedRun run = DisturbedRun.Start(workplace, Recipe.LongCourseCnn, Workers);
            run.Command.WaitForArrival("generation");
            killed += KillUntilNearTheEnd(
                run, random, Math.Min(kills - killed, KillsMaxOfARun), figures);

            CommandResult result = run.FinishAsUndisturbed();
            NobodyWaited(result);
            figures.Add(
                "longest_report_ms",
                RunFolder.LongestReport(run.Folder, Recipe.LongCourseCnn).TotalMilliseconds);
        }

        figures.Write();
    }

    [Fact]
    public void AStandbyTakesOver()
    {
        using var cluster = new HandStartedCluster(workplace);
        cluster.Seeds.AddRange(HandStartedCluster.FreeAddresses(2));
        CommandRun acting = cluster.StartCoordinator(cluster.Seeds[0]);
        CommandRun standby = cluster.StartCoordinator(cluster.Seeds[1]);
        CommandRun[] workers = [cluster.StartWorker("alpha"), cluster.StartWorker("beta")];
        // The standby names the one that acts, and is still known when that one is dead.
        using DisturbedRun run = cluster.Submit(Recipe.LongCourseCnn, cluster.Seeds[1]);

        run.Command.WaitForStep(20);
        Moment kill = run.Kill(acting.ProcessId);
        var takeover = FirstEvent(run, kill, () => Terms(standby.ErrorText));
        Assert.NotNull(takeover);
        output.WriteLine(
            $"the standby acted after {(takeover.Value.Acts - kill.At).TotalMilliseconds:0} ms, its"
            + $" first event came after {(takeover.Value.Next.At - kill.At).TotalMilliseconds:0}");

        NobodyWaited(run.FinishAsUndisturbed());
        Assert.All(
            workers.Append(standby), node => Assert.True(Signals.IsAlive(node.ProcessId)));
    }

    /// <summary>Returns how many times it has killed.</summary>
    private static int KillUntilNearTheEnd(
        DisturbedRun run, Random random, int killsMax, Figures figures)
    {
        long step = 0;
        for (int kills = 0; kills < killsMax; kills++)
        {
            step += random.Next(5, 30);
            if (step > Recipe.LongCourseCnn.Steps * 4 / 5)
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

    /// <summary>The workers' membership and steps were not touched.</summary>
    private static void NobodyWaited(CommandResult result)
    {
        JsonElement done = JsonEvents.Done(result);
        Assert.Equal(0, done.GetProperty("steps_redone").GetInt64());
        Assert.Equal(1, done.GetProperty("generations").GetInt32());
    }
}
