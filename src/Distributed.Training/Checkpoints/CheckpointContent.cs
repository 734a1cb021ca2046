using Distributed.Training.Specification;

namespace Distributed.Training.Checkpoints;

/// <summary>
/// The state of a run after a step, from which it goes on as if it had never stopped.
/// </summary>
public sealed record CheckpointContent
{
    /// <summary>Steps done; the run goes on with the next.</summary>
    public required long Step { get; init; }

    public required int Epoch { get; init; }

    /// <summary>Parameters and running statistics by PyTorch's names.</summary>
    public required IReadOnlyList<CheckpointTensor> Model { get; init; }

    /// <summary>State by names such as optimizer.m.conv1.weight; empty for plain SGD.</summary>
    public required IReadOnlyList<CheckpointTensor> Optimizer { get; init; }

    /// <summary>
    /// Numbers that the run goes on with, such as the epoch's loss so far; kept to the last bit.
    /// </summary>
    public required IReadOnlyDictionary<string, double> Progress { get; init; }

    /// <summary>Of the spec that the run has: <see cref="RunSpec.ResultHash"/>.</summary>
    public required string SpecificationHash { get; init; }

    public required NumericsFingerprint Numerics { get; init; }
}
