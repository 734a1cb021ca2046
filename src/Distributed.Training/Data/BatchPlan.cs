using System.Numerics;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>
/// Which sample is trained on when, as a pure function of (seed, sample count, batch, shards): any
/// worker can look up any step, and nothing needs to be stored or sent. Steps, epochs, shards and
/// positions count from 0. Every epoch is one permutation of all samples, which depends on the seed
/// and the epoch alone, and every sample is used exactly once in it; the last batch of an epoch may
/// be smaller.
/// </summary>
public sealed class BatchPlan
{
    /// <summary>
    /// Keeps this stream of random numbers apart from all others of the same seed.
    /// </summary>
    private const ulong OrderPurpose = 0x6F72646572; // "order"

    /// <summary>More rounds than the four that make a Feistel network a good permutation.</summary>
    private const int Rounds = 8;

    private readonly ulong _seed;
    private readonly int _leftBits;
    private readonly int _rightBits;

    public BatchPlan(long sampleCount, int globalBatch, int logicalShards, ulong seed)
    {
        if (sampleCount < 1 || globalBatch < 1 || logicalShards < 1)
        {
            throw new OperatingException(
                $"{sampleCount} samples, a global batch of {globalBatch} and {logicalShards} "
                + "logical shards: expected 1 or more of each; change the run spec",
                ExitCodes.BadUsage);
        }
        if (logicalShards > globalBatch || logicalShards > sampleCount)
        {
            throw new OperatingException(
                $"{logicalShards} logical shards are more than the samples of a step "
                + $"({Math.Min(globalBatch, sampleCount)}): expected at most one shard a sample; "
                + "lower --logical-shards or raise --global-batch",
                ExitCodes.BadUsage);
        }
        SampleCount = sampleCount;
        GlobalBatch = globalBatch;
        LogicalShards = logicalShards;
        StepsPerEpoch = ((sampleCount - 1) / globalBatch) + 1;
        _seed = seed;
        var bits = 64 - BitOperations.LeadingZeroCount((ulong)sampleCount - 1);
        _leftBits = bits / 2;
        _rightBits = bits - _leftBits;
    }

    public long SampleCount { get; }

    public int GlobalBatch { get; }

    public int LogicalShards { get; }

    /// <summary>Steps of an epoch, the last partial batch included.</summary>
    public long StepsPerEpoch { get; }

    /// <summary>The most samples that any shard of any step has: what buffers must hold.</summary>
    public int ShardSamplesMax => (GlobalBatch + LogicalShards - 1) / LogicalShards;

    /// <summary>
    /// The epoch of a step, and the positions in that epoch that the step covers.
    /// </summary>
    public (long Epoch, long Position, int Count) Locate(long step)
    {
        Invariant.Check(step >= 0, "a step counts from 0");
        var (epoch, stepOfEpoch) = Math.DivRem(step, StepsPerEpoch);
        var position = stepOfEpoch * GlobalBatch;
        return (epoch, position, (int)Math.Min(GlobalBatch, SampleCount - position));
    }

    /// <summary>
    /// The positions in the step's epoch that one shard covers. In the last batch of an epoch a
    /// shard may be empty.
    /// </summary>
    public (long Position, int Count) ShardRange(long step, int shard)
    {
        Invariant.Check((uint)shard < (uint)LogicalShards, "no such logical shard");
        var (_, position, count) = Locate(step);
        var begin = (int)((long)shard * count / LogicalShards);
        var end = (int)((shard + 1L) * count / LogicalShards);
        return (position + begin, end - begin);
    }

    /// <summary>The sample at a position of an epoch's order.</summary>
    public long Sample(long epoch, long position)
    {
        Invariant.Check(epoch >= 0, "an epoch counts from 0");
        Invariant.Check((ulong)position < (ulong)SampleCount, "no such position in the epoch");
        // The network permutes the next power of two of numbers. Walking its cycle until it lands
        // below the sample count again leaves a permutation of exactly the samples, and takes less
        // than two rounds of the network on average.
        var key = CounterRandom.Key(_seed, OrderPurpose, (ulong)epoch);
        var value = (ulong)position;
        do
        {
            value = Permute(key, value);
        }
        while (value >= (ulong)SampleCount);
        return (long)value;
    }

    /// <summary>A Feistel network whose halves differ by one bit where the bits are odd.</summary>
    private ulong Permute(ulong key, ulong value)
    {
        var rightMask = (1UL << _rightBits) - 1;
        var leftMask = (1UL << _leftBits) - 1;
        var left = value >> _rightBits;
        var right = value & rightMask;
        for (ulong round = 0; round < Rounds; round += 2)
        {
            left ^= CounterRandom.UInt64(key, (right * Rounds) + round) & leftMask;
            right ^= CounterRandom.UInt64(key, (left * Rounds) + round + 1) & rightMask;
        }
        return (left << _rightBits) | right;
    }
}
