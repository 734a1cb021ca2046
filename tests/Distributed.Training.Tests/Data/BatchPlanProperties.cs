using Distributed.Training.Data;
using FsCheck;
using FsCheck.Xunit;

namespace Distributed.Training.Tests.Data;

public sealed class BatchPlanProperties
{
    [Property(MaxTest = 300)]
    public bool Every_epoch_is_a_permutation(PositiveInt count, ulong seed, ushort epoch)
    {
        var plan = new BatchPlan(count.Get * 7 % 5000 + 1, 1, 1, seed);
        var seen = new bool[plan.SampleCount];
        for (var position = 0L; position < plan.SampleCount; position++)
        {
            var sample = plan.Sample(epoch, position);
            if (sample < 0 || sample >= plan.SampleCount || seen[sample])
            {
                return false;
            }
            seen[sample] = true;
        }
        return true;
    }

    [Fact]
    public void Every_small_count_is_permuted()
    {
        for (var count = 1; count <= 300; count++)
        {
            var plan = new BatchPlan(count, 1, 1, seed: 42);
            var samples = Enumerable.Range(0, count).Select(position => plan.Sample(1, position));
            Assert.Equal(count, samples.Distinct().Count());
        }
    }

    [Property(MaxTest = 200)]
    public bool Shards_of_all_steps_cover_each_epoch_exactly_once(
        PositiveInt count, PositiveInt batch, PositiveInt shards, byte epoch)
    {
        var (plan, _) = Plan(count, batch, shards, 1);
        var next = 0L;
        for (var step = epoch * plan.StepsPerEpoch; step < (epoch + 1) * plan.StepsPerEpoch; step++)
        {
            var (located, first, stepCount) = plan.Locate(step);
            var end = first + stepCount;
            if (located != epoch || first != next)
            {
                return false;
            }
            for (var shard = 0; shard < plan.LogicalShards; shard++)
            {
                var (position, shardCount) = plan.ShardRange(step, shard);
                if (position != next || shardCount < 0 || shardCount > plan.ShardSamplesMax)
                {
                    return false;
                }
                next += shardCount;
            }
            if (next != end)
            {
                return false;
            }
        }
        return next == plan.SampleCount;
    }

    [Property(MaxTest = 200)]
    public bool Order_does_not_depend_on_batch_and_shards(
        PositiveInt count, PositiveInt batch, PositiveInt shards, ulong seed, byte epoch)
    {
        var (one, samples) = Plan(count, batch, shards, seed);
        var other = new BatchPlan(samples, 1, 1, seed);
        return Enumerable.Range(0, samples)
            .All(position => one.Sample(epoch, position) == other.Sample(epoch, position));
    }

    [Property(MaxTest = 200)]
    public bool Shards_differ_by_one_sample_at_most(
        PositiveInt count, PositiveInt batch, PositiveInt shards, ushort step)
    {
        var (plan, _) = Plan(count, batch, shards, 1);
        var counts = Enumerable.Range(0, plan.LogicalShards)
            .Select(shard => plan.ShardRange(step, shard).Count).ToArray();
        return counts.Max() - counts.Min() <= 1;
    }

    [Property(MaxTest = 100)]
    public bool Seeds_and_epochs_give_other_orders(ulong seed, byte epoch)
    {
        long[] Order(ulong of, int at) => [.. Enumerable.Range(0, 200)
            .Select(position => new BatchPlan(200, 1, 1, of).Sample(at, position))];
        return !Order(seed, epoch).SequenceEqual(Order(seed + 1, epoch))
            && !Order(seed, epoch).SequenceEqual(Order(seed, epoch + 1));
    }

    private static (BatchPlan Plan, int Samples) Plan(
        PositiveInt count, PositiveInt batch, PositiveInt shards, ulong seed)
    {
        var samples = (count.Get * 13 % 1000) + 1;
        var globalBatch = (batch.Get % 100) + 1;
        var logicalShards = (shards.Get % Math.Min(samples, globalBatch)) + 1;
        return (new BatchPlan(samples, globalBatch, logicalShards, seed), samples);
    }
}
