using Distributed.Cluster.Jobs;

namespace Distributed.Simulation.Training;

/// <summary>
/// A run as one process alone computes it: what every history must agree with. Where it begins as
/// another run, it is that one up to and including <paramref name="firstStep"/>.
/// </summary>
internal sealed class ReferenceRun(
    ulong seed, JobDescription job, ReferenceRun? beginning = null, long firstStep = 0)
{
    private readonly List<Entry> entries =
        [beginning?.At(firstStep) ?? new(ModelState.Initial(seed), 0, 0)];

    public ulong Seed => seed;

    /// <summary>Its own steps come after this one.</summary>
    public long FirstStep => firstStep;

    public JobDescription Job => job;

    public ModelState StateAt(long step) => At(step).State;

    public double LossAt(long step) => At(step).Loss;

    public int CorrectAt(long step) => At(step).Correct;

    private Entry At(long step)
    {
        if (beginning is not null && step < firstStep)
            return beginning.At(step);
        Span<long> sums = stackalloc long[ModelState.SumCount];
        while (firstStep + entries.Count <= step)
        {
            ModelState state = entries[^1].State;
            sums.Clear();
            for (int shard = 0; shard < job.LogicalShards; shard++)
            {
                state.AddShard(
                    seed, shard, SampleOrder.OfShard(job, state.Step + 1, shard), sums);
            }

            SampleRange samples = SampleOrder.OfStep(job, state.Step + 1);
            entries.Add(new Entry(
                state.After(sums), LossOf(sums, samples.Count),
                (int)sums[ModelState.ParameterCount + 1]));
        }

        return entries[(int)(step - firstStep)];
    }

    public static double LossOf(ReadOnlySpan<long> sums, long samples) =>
        (double)sums[ModelState.ParameterCount] / samples;

    private readonly record struct Entry(ModelState State, double Loss, int Correct);
}
