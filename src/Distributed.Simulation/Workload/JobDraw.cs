using System.Globalization;
using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Workload;

/// <summary>Draws jobs of all shapes.</summary>
internal static class JobDraw
{
    private const int ShardsMax = 128;

    public static JobDescription Draw(
        Prng random, ulong runSeed, int workersMax, long nsLeft, Conditions conditions)
    {
        // Sometimes more workers than shards, so that there are spares.
        int workers = random.NextBetween(1, workersMax);
        int shards = 8;
        while (shards < ShardsMax && (shards < workers / 2 || random.NextPercent(25)))
            shards *= 2;
        int batch = shards * random.NextBetween(1, 16) + random.NextBetween(0, shards - 1);
        long stepsPerEpoch = random.NextScaled(5, 200);
        long samples = batch * (stepsPerEpoch - 1) + random.NextBetween(1, batch);
        long stepsMax = Math.Max(10, nsLeft / conditions.StepNs);
        long steps = random.NextPercent(60)
            ? stepsMax
            : random.NextScaled(5, Math.Max(6, stepsMax / 2));
        var schedule = new StepSchedule(
            steps, stepsPerEpoch, random.NextScaled(3, 100),
            random.NextPercent(70) ? random.NextScaled(1, 50) : 0,
            DrawStop(random, after: 0, steps));
        string seed = runSeed.ToString(CultureInfo.InvariantCulture);
        return new JobDescription(
            "run-" + seed, seed, "/runs/" + seed, workers,
            random.NextBetween(1, Math.Max(1, Math.Min(workers, shards) / 2)), shards,
            ReductionOrder.Exact, batch, samples, random.NextBetween(1, 12), schedule,
            StartStep: 0, CheckpointFolder: "", Numerics: "", StepsRedone: 0, Commit: "simulated");
    }

    /// <summary>After which step a job is to stop by itself: mostly 0, for not at all.</summary>
    public static long DrawStop(Prng random, long after, long steps) =>
        after + 1 < steps && random.NextPercent(30)
            ? after + random.NextScaled(1, steps - after - 1)
            : 0;
}
