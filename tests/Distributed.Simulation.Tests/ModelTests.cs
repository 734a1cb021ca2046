using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Simulation.Training;
using Distributed.Simulation.Workload;
using FsCheck;
using FsCheck.Xunit;

namespace Distributed.Simulation.Tests;

/// <summary>
/// The simulated model keeps what makes the checks sharp: any split of the shards gives the same
/// state, and everything in the state matters to what follows.
/// </summary>
public sealed class ModelTests
{
    private const ulong Seed = 11;

    [Property]
    public void Any_split_of_the_shards_gives_the_state_of_one_process(
        PositiveInt workers, PositiveInt steps)
    {
        JobDescription job = Job();
        var reference = new ReferenceRun(Seed, job);
        ShardMap map = ShardMap.Even(job.LogicalShards, workers.Get);
        ModelState state = ModelState.Initial(Seed);
        long last = steps.Get % 50;
        while (state.Step < last)
            state = state.After(SumOf(job, state, map.Ranges));

        Assert.Equal(reference.StateAt(last).Hash, state.Hash);
    }

    [Fact]
    public void Each_sample_of_an_epoch_is_in_one_shard()
    {
        JobDescription job = Job();
        long next = 0;
        for (long step = 1; step <= job.Schedule.StepsPerEpoch; step++)
        {
            for (int shard = 0; shard < job.LogicalShards; shard++)
            {
                SampleRange samples = SampleOrder.OfShard(job, step, shard);
                Assert.Equal(next, samples.First);
                next = samples.End;
            }
        }

        Assert.Equal(job.TrainSamples, next);
    }

    [Fact]
    public void A_change_anywhere_in_the_state_changes_all_that_follows()
    {
        JobDescription job = Job();
        ModelState right = new ReferenceRun(Seed, job).StateAt(5);
        ModelState next = right.After(SumOf(job, right, [new ShardRange(0, job.LogicalShards)]));
        for (int index = 0; index < right.Values.Length; index++)
        {
            long[] values = [.. right.Values];
            values[index]++;
            ModelState wrong = ModelState.Of(right.Step, values);
            Assert.NotEqual(right.Hash, wrong.Hash);
            Assert.NotEqual(
                next.ParameterHash,
                wrong.After(SumOf(job, wrong, [new ShardRange(0, job.LogicalShards)]))
                    .ParameterHash);
        }
    }

    private static long[] SumOf(
        JobDescription job, ModelState state, IReadOnlyList<ShardRange> ranges)
    {
        var sums = new long[ModelState.SumCount];
        foreach (ShardRange range in ranges)
        {
            for (int shard = range.First; shard < range.End; shard++)
            {
                state.AddShard(
                    Seed, shard, SampleOrder.OfShard(job, state.Step + 1, shard), sums);
            }
        }

        return sums;
    }

    private static JobDescription Job() => JobDraw.Draw(
        new Prng(3), Seed, workersMax: 8, nsLeft: 1_000_000_000_000,
        new Conditions(Seed, nodes: 8, durationNs: 1_000_000_000_000, FaultClasses.None));
}
