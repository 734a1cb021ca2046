using System.Security.Cryptography;
using System.Text;
using Distributed.Kernel;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Optimization;

namespace Distributed.Training.Specification;

/// <summary>
/// Everything that a run's result depends on, and how the run is carried out. Made by
/// <see cref="RunSpecReader"/>, which has checked it as a whole; every default is filled in.
/// </summary>
public sealed record RunSpec
{
    public required string Name { get; init; }

    public required DatasetSpec Dataset { get; init; }

    public required AugmentationSettings Augmentation { get; init; }

    public required ModelSpec Model { get; init; }

    public required OptimizerSpec Optimizer { get; init; }

    public required ScheduleSpec Schedule { get; init; }

    public required double LabelSmoothing { get; init; }

    /// <summary>
    /// May be a fraction: the last epoch then ends early, and is evaluated all the same.
    /// </summary>
    public required double Epochs { get; init; }

    /// <summary>The run ends after so many steps even if epochs are left; null: no cap.</summary>
    public required long? Steps { get; init; }

    /// <summary>Of the test set, during training as well as afterwards.</summary>
    public TestTimeAugmentation TestTimeAugmentation { get; init; }

    public required int GlobalBatch { get; init; }

    /// <summary>A power of two, never more than the global batch.</summary>
    public required int LogicalShards { get; init; }

    public required ulong Seed { get; init; }

    public required ReductionMode Reduction { get; init; }

    /// <summary>Other than none with <see cref="ReductionMode.Fast"/> only.</summary>
    public required CompressionKind Compression { get; init; }

    public required TransportKind Transport { get; init; }

    public required DeviceRequest Device { get; init; }

    public required PrecisionKind Precision { get; init; }

    public required int ThreadsPerWorker { get; init; }

    /// <summary>Steps between checkpoints; null: one at every epoch's end.</summary>
    public required long? CheckpointEvery { get; init; }

    public required int KeepCheckpoints { get; init; }

    /// <summary>Steps between comparisons of a hash of the parameters on all ranks.</summary>
    public required int ParameterHashEvery { get; init; }

    public required TensorBoardLevel TensorBoard { get; init; }

    /// <summary>The most shards that a run gets which does not say how many.</summary>
    public const int LogicalShardsDefaultMax = 8;

    /// <summary>
    /// The fewest samples a shard holds in a run which does not say how many shards.
    /// </summary>
    public const int ShardSamplesDefaultMin = 16;

    /// <summary>What a run may be called, for a message.</summary>
    public const string NameWords = RunSpecChecks.FileNameWords;

    /// <summary>Whether a run may be called so: its folder is named after it.</summary>
    public static bool IsName(string name) => RunSpecChecks.IsFileName(name);

    public static int DefaultLogicalShards(int globalBatch)
    {
        var shards = 1;
        while (shards < LogicalShardsDefaultMax
            && globalBatch / (shards * 2) >= ShardSamplesDefaultMin)
        {
            shards *= 2;
        }
        return shards;
    }

    /// <summary>How many epochs begin, if no cap on steps ends the run before.</summary>
    public int EpochCount => (int)Math.Ceiling(Epochs);

    /// <summary>All steps of the run, the cap included.</summary>
    public long TotalSteps(long stepsPerEpoch) =>
        Math.Min(Math.Max(1, StepsIn(Epochs, stepsPerEpoch)), Steps ?? long.MaxValue);

    /// <summary>The steps that epochs come to; one that is begun counts.</summary>
    internal static long StepsIn(double epochs, long stepsPerEpoch) =>
        // Decimal, because 1.1 epochs of 10 steps are 11 and not a little more.
        (long)Math.Ceiling((decimal)epochs * stepsPerEpoch);

    /// <summary>Steps between checkpoints for a dataset with so many steps in an epoch.</summary>
    public long CheckpointSteps(long stepsPerEpoch) => CheckpointEvery ?? stepsPerEpoch;

    /// <summary>The rate of the step that follows <paramref name="stepsDone"/> steps.</summary>
    public double LearningRate(long stepsDone, long stepsPerEpoch) =>
        Optimization.Schedule.LearningRate(
            Schedule, Optimizer.LearningRate, stepsDone, TotalSteps(stepsPerEpoch), stepsPerEpoch);

    /// <summary>
    /// Checks what only the data can tell: that the batch is not larger than the training set and
    /// that every layer fits. Returns the network.
    /// </summary>
    /// <exception cref="SpecificationException">Something does not fit.</exception>
    public Network CheckAgainst(DatasetFacts facts)
    {
        var errors = new SpecErrors();
        RunSpecChecks.BatchFits(this, facts, Name, errors);
        errors.ThrowIfAny();
        return Network.Resolve(Model, facts.Image, facts.Classes);
    }

    /// <summary>The canonical YAML with every key; reading it gives an equal spec.</summary>
    public string ToYaml() => RunSpecWriter.Write(this);

    /// <summary>
    /// SHA-256 over what decides the result. Two specs with equal hashes train to the same bits;
    /// the name, the transport, what is shown, and how often state is saved or compared are left
    /// out.
    /// </summary>
    public string ResultHash()
    {
        var neutral = this with
        {
            Name = "run",
            Transport = TransportKind.Auto,
            CheckpointEvery = null,
            KeepCheckpoints = 1,
            ParameterHashEvery = 1,
            TensorBoard = TensorBoardLevel.Auto,
        };
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(neutral.ToYaml())));
    }
}
