using System.Globalization;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Simulation.Time;
using Distributed.Simulation.Training;

namespace Distributed.Simulation.Workload;

/// <summary>
/// What trials train, as pure functions of their sweep; and which run each trial's folder holds, as
/// a checkpoint's manifest says in production.
/// </summary>
internal sealed class TrialRuns
{
    private readonly SortedDictionary<string, List<ReferenceRun>> held =
        new(StringComparer.Ordinal);

    /// <summary>The run that the folder's trial goes on with; null before its first.</summary>
    public ReferenceRun? In(string folder) => Held(folder).LastOrDefault();

    /// <summary>
    /// The run that brought the folder's trial to that step: what it took over there and then is
    /// another's.
    /// </summary>
    public ReferenceRun? At(string folder, long step) =>
        Held(folder).LastOrDefault(run => run.FirstStep < step);

    public void Hold(string folder, ReferenceRun run)
    {
        if (In(folder)?.Seed != run.Seed)
            Held(folder).Add(run);
    }

    private List<ReferenceRun> Held(string folder)
    {
        if (!held.TryGetValue(folder, out List<ReferenceRun>? runs))
            held.Add(folder, runs = []);
        return runs;
    }

    /// <summary>The seed of a run that goes on with these parameters from an epoch on.</summary>
    public static ulong SeedOf(
        ulong sweep, int trial, IReadOnlyList<ParameterValue> parameters, int fromEpoch)
    {
        ulong shape = 0;
        foreach (ParameterValue parameter in parameters)
        {
            foreach (char letter in parameter.Text)
                shape = CounterRandom.Mix(shape ^ letter);
            shape = CounterRandom.Mix(shape ^ (ulong)parameter.Name.Length);
        }

        return CounterRandom.Key(sweep, (ulong)trial, shape, (ulong)fromEpoch) >> 1;
    }

    /// <summary>Whether no network can be made of these: the same for every trial that has
    /// them.</summary>
    public static bool AreHopeless(IReadOnlyList<ParameterValue> parameters) =>
        SeedOf(1, 0, parameters, 0) % 12 == 0;

    /// <summary>The trial's job from its beginning to the end of an epoch.</summary>
    public static JobDescription Job(
        ulong sweep, SweepDescription description, int trial, ulong runSeed, int untilEpoch)
    {
        var random = new Prng(CounterRandom.Key(sweep, 0x10B));
        int shards = 8 << random.NextBetween(0, 1);
        int batch = (shards * random.NextBetween(1, 8)) + random.NextBetween(0, shards - 1);
        long stepsPerEpoch = random.NextScaled(2, 12);
        long samples = (batch * (stepsPerEpoch - 1)) + random.NextBetween(1, batch);
        long total = stepsPerEpoch * description.Epochs;
        long stop = stepsPerEpoch * untilEpoch;
        var schedule = new StepSchedule(
            total, stepsPerEpoch, random.NextBetween(2, 12),
            random.NextPercent(50) ? random.NextBetween(1, 5) : 0, stop == total ? 0 : stop);
        string seed = runSeed.ToString(CultureInfo.InvariantCulture);
        return new JobDescription(
            $"trial-{trial}", seed, description.FolderOf(trial),
            description.Limits.WorkersPerTrial, 1, shards, ReductionOrder.Exact, batch, samples,
            random.NextBetween(1, 3), schedule, StartStep: 0, CheckpointFolder: "", Numerics: "",
            StepsRedone: 0, Commit: "simulated");
    }

    /// <summary>What a trial must know after an epoch, by what led there alone.</summary>
    public static TrialResult Expected(SweepState state, int trial, int epoch)
    {
        ReferenceRun? run = null;
        int from = 0;
        foreach (LineagePart part in Lineage.Of(state, trial, epoch))
        {
            ulong seed = SeedOf(state.Sweep, part.Trial, part.Parameters, from);
            JobDescription job = Job(
                state.Sweep, state.Description, part.Trial, seed, part.UntilEpoch);
            run = new ReferenceRun(
                seed, job, run, run is null ? 0 : from * job.Schedule.StepsPerEpoch);
            from = part.UntilEpoch;
        }

        return ResultOf(run!, epoch);
    }

    public static TrialResult ResultOf(ReferenceRun run, int epoch)
    {
        ulong hash = run.StateAt(epoch * run.Job.Schedule.StepsPerEpoch).Hash;
        (double loss, double accuracy) = Evaluation.Total(hash, run.Job.TestBatches);
        return new TrialResult(
            epoch, Evaluation.TrainLoss(hash, epoch), Evaluation.TrainAccuracy(hash, epoch), loss,
            accuracy, 0, 0, "");
    }
}
