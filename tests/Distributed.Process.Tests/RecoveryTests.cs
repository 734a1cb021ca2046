using System.Globalization;
using Xunit.Abstractions;

namespace Distributed.Process.Tests;

/// <summary>How long a run stands still when a worker is killed.</summary>
[Collection(ProcessCollection.Name)]
public sealed class RecoveryTests(Workplace workplace, ITestOutputHelper output)
{
    private const int Workers = 4;

    /// <summary>
    /// Kills one worker after the other, in as many runs as that takes, and measures each from the
    /// signal to the first step that the others committed without it.
    /// </summary>
    [Fact]
    public void EveryKillIsRecoveredFrom()
    {
        int kills = Chaos.Times(ordinary: 5, chaos: 50);
        var random = new Random(kills);
        var figures = new Figures(
            "recovery",
            $"{kills} workers of {Workers} killed while they train course-cnn on one machine: "
            + "from the signal to the next committed step, and its parts",
            output);
        for (int killed = 0; killed < kills;)
        {
            using DisturbedRun run = DisturbedRun.Start(workplace, Recipe.LongCourseCnn, Workers);
            run.Command.WaitForArrival("generation");
            killed += KillUntilNearTheEnd(run, random, kills - killed, figures);
            run.FinishAsUndisturbed();
        }

        figures.Write();
    }

    /// <summary>Returns how many it has killed.</summary>
    private static int KillUntilNearTheEnd(
        DisturbedRun run, Random random, int killsMax, Figures figures)
    {
        // The figures are those of all workers; the ordinary suite need not wait for them.
        int workersMin = Chaos.Times(ordinary: 2, chaos: Workers);
        int last = Recipe.LongCourseCnn.Steps * 2 / 3;
        int step = 0;
        for (int kills = 0; ;)
        {
            step += random.Next(5, 25);
            run.Command.WaitForStep(step);
            (Moment kill, _) = run.KillOne(random);
            Arrival recovered = run.Command.WaitForArrival("recovered", from: kill.Line);
            Note(figures, kill, recovered);
            step = (int)recovered.Number("step");
            if (++kills == killsMax || step > last)
                return kills;
            if (run.Ranks.Count >= workersMin)
                continue;
            Arrival? enough = run.NextGeneration(kill, workers => workers.Count >= workersMin);
            if (enough is null || enough.Number("step") > last)
                return kills;
            step = (int)enough.Number("step");
        }
    }

    private static void Note(Figures figures, Moment kill, Arrival recovered)
    {
        DateTimeOffset noticed = DateTimeOffset.Parse(
            recovered.Text("noticed"), CultureInfo.InvariantCulture);
        double detect = (noticed - kill.At).TotalMilliseconds;
        double regroup = recovered.Event.GetProperty("regroup_ms").GetDouble();
        double restore = recovered.Event.GetProperty("restore_ms").GetDouble();
        double step = recovered.Event.GetProperty("step_ms").GetDouble();
        figures.Add("total_ms", detect + regroup + restore + step);
        figures.Add("detect_ms", detect);
        figures.Add("regroup_ms", regroup);
        figures.Add("restore_ms", restore);
        figures.Add("step_ms", step);
        figures.Add("event_arrived_ms", (recovered.At - kill.At).TotalMilliseconds);
    }
}
