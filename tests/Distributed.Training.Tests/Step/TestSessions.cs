using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Training.Tests.Step;

/// <summary>Sessions that train small networks on 27 drawn samples in batches of 12.</summary>
internal static class TestSessions
{
    public const string NormalizedModel = """
        model:
          layers:
          - conv: {filters: 6, kernel: 3, padding: same, bias: false}
          - batchNorm
          - relu
          - maxPool: 2
          - dropout: 0.3
          - residual:
              layers: [conv: {filters: 6, kernel: 3, padding: same}, batchNorm]
          - relu
          - flatten
          - linear: classes
        optimizer: {kind: sgd, learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 5e-4}
        augmentation: {cropPadding: 2, horizontalFlip: true}
        """;

    public const string PlainModel = """
        model:
          layers:
          - conv: {filters: 4, kernel: 3}
          - gelu
          - maxPool: 2
          - flatten
          - linear: 16
          - relu
          - linear: classes
        optimizer: {kind: adam, learningRate: 1e-3}
        """;

    /// <summary>Large enough for two gradient buckets.</summary>
    public const string WideModel = """
        model:
          layers:
          - conv: {filters: 4, kernel: 3}
          - maxPool: 2
          - flatten
          - linear: 64
          - relu
          - linear: classes
        optimizer: {kind: adam, learningRate: 1e-3}
        """;

    /// <summary>Of layers that the engine computes with its own kernels, several shards at
    /// once.</summary>
    public const string PlannedModel = """
        model:
          layers:
          - conv: {filters: 6, kernel: 3, padding: same, bias: false}
          - batchNorm
          - relu
          - conv: {filters: 20, kernel: 5}
          - maxPool: 2
          - relu
          - dropout: 0.3
          - flatten
          - linear: 16
          - relu
          - linear: classes
        optimizer: {kind: adam, learningRate: 1e-3}
        augmentation: {cropPadding: 2}
        """;

    private const string WhitenedLayers = """
        model:
          initialization: dirac
          layers:
          - whitening: {biasEpochs: 1.5}
          - gelu
          - conv: {filters: 12, kernel: 3, bias: false}
          - maxPool: 2
          - batchNorm: {momentum: 0.4, epsilon: 1e-12, scale: false}
          - gelu
          - maxPool: 3
          - flatten
          - linear: {features: classes, bias: false}
          - scale: 0.1
        augmentation: {cropPadding: 2, reflectPadding: true, horizontalFlip: alternating}
        schedule: {kind: oneCycle, initialFraction: 0.2, riseFraction: 0.23, finalFraction: 0.07}
        labelSmoothing: 0.2
        epochs: 2.5

        """;

    /// <summary>Whitened images, rates by kind of parameter, and a slow copy.</summary>
    public const string WhitenedModel = WhitenedLayers + """
        optimizer:
          kind: sgd
          learningRate: 0.1
          momentum: 0.85
          nesterov: true
          weightDecay: 1e-3
          groups: {norms: {rateFactor: 8, weightDecay: 1e-4}}
          lookahead: 2
        """;

    /// <summary>The same with filters that stay orthogonal.</summary>
    public const string MuonModel = WhitenedLayers + """
        optimizer:
          kind: muon
          learningRate: 0.24
          momentum: 0.6
          newtonSchulzSteps: 3
          groups: {biases: {rateFactor: 4, momentum: 0.85}, linear: 2}
        """;

    public static TrainingSession Create(
        string model, ulong seed, int testSamples = 10, TrainerKind trainer = TrainerKind.Host)
    {
        DatasetPair data = Data(testSamples);
        RunSpec spec = RunSpecReader.Read(
            $"globalBatch: 12\nlogicalShards: 4\nseed: {seed}\n" + model, "test.yaml");
        return new TrainingSession(
            spec, Network.Resolve(spec.Model, data.Shape, data.ClassCount), data, trainer);
    }

    /// <summary>Takes the place of a rank that has all four shards.</summary>
    public static TrainingSession Alone(
        string model, TrainerKind trainer, ulong seed = 1, int testSamples = 10)
    {
        TrainingSession session = Create(model, seed, testSamples, trainer);
        session.Join(
            ReductionPlan.Create(ShardMap.Even(4, 1), ReductionOrder.Exact), 0,
            new CollectiveScope(1, 1), transport: null);
        return session;
    }

    /// <summary>Three classes, each a bright band in another place, with noise.</summary>
    public static DatasetPair Data(int testSamples) => new(
        Split(DatasetSplit.Train, 27), Split(DatasetSplit.Test, testSamples), [0.3], [0.3]);

    private static Dataset Split(DatasetSplit split, int count)
    {
        var shape = new ImageShape(1, 28, 28);
        var images = new byte[count * shape.Length];
        var labels = new int[count];
        for (int image = 0; image < count; image++)
        {
            labels[image] = image % 3;
            for (int pixel = 0; pixel < shape.Length; pixel++)
            {
                int at = (image * shape.Length) + pixel;
                ulong noise = CounterRandom.UInt64((ulong)(int)split, (ulong)at);
                bool band = pixel / 28 / 10 == labels[image];
                images[at] = (byte)((band ? 150UL : 0UL) + (noise % 100));
            }
        }

        return Dataset.FromMemory("bands", split, shape, ["a", "b", "c"], images, labels);
    }
}
