using System.Runtime.InteropServices;

namespace Distributed.Torch;

/// <summary>
/// A tensor's place in a flat buffer, in elements. <paramref name="Offset"/> is a multiple of 16;
/// <paramref name="Name"/> is PyTorch's.
/// </summary>
public sealed record TensorInfo(string Name, int[] Shape, long Offset, long Length);

/// <summary>A range of the gradient buffer, in elements, that becomes whole at once.</summary>
public readonly record struct GradientBucket(long Offset, long Length);

/// <summary>
/// A shard's loss, summed over its samples, and how many of them were classified right.
/// </summary>
public readonly record struct ShardResult(double LossSum, int Correct);

/// <summary>A logical shard of one call, as native/abi.h has it.</summary>
/// <param name="Count">Samples.</param>
/// <param name="DropoutSeed">Of the shard's own stream of random numbers.</param>
/// <param name="StatisticsWeight">Scales its batch statistics.</param>
[StructLayout(LayoutKind.Sequential)]
public record struct ModelShard(long Count, ulong DropoutSeed, double StatisticsWeight)
{
    /// <summary>Set by the call: summed over the samples.</summary>
    public double LossSum { get; private set; }

    /// <summary>Set by the call.</summary>
    public long Correct { get; private set; }
}

/// <summary>
/// As <see cref="ShardResult"/>, in inference mode; zeros when no labels were given.
/// </summary>
public readonly record struct EvaluationResult(double LossSum, int Correct);
