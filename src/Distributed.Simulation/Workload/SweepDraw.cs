using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Workload;

/// <summary>Draws small sweeps of all kinds.</summary>
internal static class SweepDraw
{
    private static readonly SearchSpace space = new(
    [
        new RealDimension("rate", [], 0.1, 1, 0.1, false),
        new IntegerDimension("width", [], 1, 9, 1, false),
    ]);

    public static SweepDescription Draw(Prng random, ulong sweep, Conditions conditions)
    {
        int epochs = random.NextBetween(2, 5);
        int trials = random.NextBetween(2, 8);
        bool isDeterministic = random.NextPercent(60);
        // A deterministic sweep whose sampler learns needs a number.
        int concurrent = random.NextBetween(isDeterministic ? 1 : 0, 4);
        ulong[] seeds = random.NextPercent(25) ? [1, 2] : [1];
        return new SweepDescription(
            $"sweep-{sweep:x}", $"/sweeps/{sweep:x16}", "", [], space, Sampler(random),
            Scheduler(random, epochs),
            [new Objective(ObjectiveMetric.TestLoss, IsMaximized: false)],
            new SweepLimits(
                trials, concurrent, conditions.SweepWorkersPerTrial, null,
                random.NextBetween(1, 3)),
            seeds, epochs, random.NextUInt64(), isDeterministic, [], "simulated");
    }

    private static SamplerSpec Sampler(Prng random) => random.NextBetween(0, 4) switch
    {
        0 => new GridSpec(),
        1 => new RandomSpec(),
        2 => new SobolSpec(),
        3 => new TpeSpec(random.NextBetween(1, 4), 4),
        _ => new CmaEsSpec(4),
    };

    private static SchedulerSpec Scheduler(Prng random, int epochs) =>
        random.NextBetween(0, 4) switch
        {
            0 => new NoSchedulerSpec(),
            1 => new MedianSpec(1, 1, random.NextBetween(1, 3)),
            2 => new AshaSpec(2),
            3 => new AshaSpec(2, 5, 2),
            _ => new PbtSpec(random.NextBetween(1, epochs - 1)),
        };
}
