namespace Distributed.Torch;

/// <summary>
/// The arithmetic of a trainer's layers. Parameters, gradients, statistics and optimizer state are
/// float32, except with <see cref="Double"/>, where all is float64: for checks of the others.
/// </summary>
public enum TrainerPrecision
{
    Single = 0,
    Bfloat16 = 1,
    Double = 2,
}

/// <summary>What a trainer is made for.</summary>
/// <param name="Precision">Of the layers.</param>
/// <param name="IsExact">Only kernels whose bits are the same from one call to the next.</param>
/// <param name="Captures">Replays a step whose shapes were seen before, where the device
/// can.</param>
/// <param name="ShardsMax">The most shards of a call; a power of two.</param>
/// <param name="ShardSamplesMax">The most samples of one shard, and of an evaluation's
/// call.</param>
/// <param name="BucketBytes">About how large a bucket of gradients is.</param>
public sealed record TrainerSettings(
    TrainerPrecision Precision, bool IsExact, bool Captures, int ShardsMax, long ShardSamplesMax,
    long BucketBytes);
