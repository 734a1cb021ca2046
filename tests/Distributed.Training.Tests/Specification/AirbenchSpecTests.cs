using Distributed.Training.Specification;

namespace Distributed.Training.Tests.Specification;

/// <summary>
/// Goal: the presets for the fastest runs to 94 % on CIFAR-10 are the published recipes. Method:
/// their whole text, whose figures were worked out by hand from the published ones.
/// </summary>
public sealed class AirbenchSpecTests
{
    private const string Head = """
        name: @-cifar-10
        dataset:
          name: cifar-10
          classes: null
          trainLimit: null
          testLimit: null
        augmentation:
          cropPadding: 2
          reflectPadding: true
          horizontalFlip: alternating
          cutoutSize: 0
          translatePixels: 0
        model:
          name: @
          initialization: dirac
          layers:
          - whitening: {name: whiten, kernel: 2, samples: 5000, epsilon: 0.0005, biasEpochs: 3}
          - gelu
          - conv: {name: conv1, filters: 64, kernel: 3, +}
          - maxPool: {kernel: 2, stride: 2, padding: 0}
          - batchNorm: {name: bn1, momentum: 0.4, epsilon: 1e-12, scale: false}
          - gelu
          - conv: {name: conv2, filters: 64, kernel: 3, +}
          - batchNorm: {name: bn2, momentum: 0.4, epsilon: 1e-12, scale: false}
          - gelu
          - conv: {name: conv3, filters: 256, kernel: 3, +}
          - maxPool: {kernel: 2, stride: 2, padding: 0}
          - batchNorm: {name: bn3, momentum: 0.4, epsilon: 1e-12, scale: false}
          - gelu
          - conv: {name: conv4, filters: 256, kernel: 3, +}
          - batchNorm: {name: bn4, momentum: 0.4, epsilon: 1e-12, scale: false}
          - gelu
          - conv: {name: conv5, filters: 256, kernel: 3, +}
          - maxPool: {kernel: 2, stride: 2, padding: 0}
          - batchNorm: {name: bn5, momentum: 0.4, epsilon: 1e-12, scale: false}
          - gelu
          - conv: {name: conv6, filters: 256, kernel: 3, +}
          - batchNorm: {name: bn6, momentum: 0.4, epsilon: 1e-12, scale: false}
          - gelu
          - maxPool: {kernel: 3, stride: 3, padding: 0}
          - flatten
          - linear: {name: head, features: classes, bias: false}
        """;

    private const string Tail = """
        logicalShards: 8
        seed: 1
        reduction: exact
        compression: none
        transport: auto
        device: auto
        precision: fp32
        threadsPerWorker: 1
        checkpointEvery: null
        keepCheckpoints: 3
        parameterHashEvery: 100
        tensorboard: auto

        """;

    private const string Sgd = """
          - scale: 0.1111111111111111
        optimizer:
          kind: sgd
          learningRate: 1.5
          momentum: 0.85
          nesterov: true
          weightDecay: 0.0013304347826086956
          groups:
            norms: {rateFactor: 64, momentum: 0.85, weightDecay: 2.078804347826087e-05}
          lookahead: {everySteps: 5, finalDecay: 0.7737809375}
        schedule:
          kind: oneCycle
          initialFraction: 0.2
          riseFraction: 0.23
          finalFraction: 0.07
        labelSmoothing: 0.2
        epochs: 9.9
        steps: null
        testTimeAugmentation: mirrorAndShift
        globalBatch: 1024
        """;

    private const string Muon = """
          - scale: 0.00390625
        optimizer:
          kind: muon
          learningRate: 0.24
          momentum: 0.6
          nesterov: true
          newtonSchulzSteps: 3
          weightDecay: 0
          groups:
            linear: {rateFactor: 5583.333333333334, momentum: 0.85, weightDecay: 0}
            biases: {rateFactor: 441.6666666666667, momentum: 0.85, weightDecay: 0}
            norms: {rateFactor: 441.6666666666667, momentum: 0.85, weightDecay: 0}
        schedule:
          kind: oneCycle
          initialFraction: 1
          riseFraction: 0
          finalFraction: 0
        labelSmoothing: 0.2
        epochs: 8
        steps: null
        testTimeAugmentation: mirrorAndShift
        globalBatch: 2000
        """;

    [Theory]
    [InlineData("airbench94", Sgd)]
    [InlineData("airbench94-muon", Muon)]
    public void The_presets_are_these(string preset, string recipe)
    {
        var spec = RunSpecReader.Read($"model: {preset}\ndataset: cifar-10", "test.yaml");
        var expected = $"{Head}\n{recipe}\n{Tail}"
            .Replace("@", preset, StringComparison.Ordinal).ReplaceLineEndings("\n")
            .Replace(
                "+}", "stride: 1, padding: same, groups: 1, bias: false}",
                StringComparison.Ordinal);
        Assert.Equal(expected, spec.ToYaml());
    }

    [Fact]
    public void Part_of_an_epoch_ends_at_the_next_step()
    {
        Assert.Equal(486, Epochs(9.9).TotalSteps(49));
        Assert.Equal(11, Epochs(1.1).TotalSteps(10));
        Assert.Equal(1, Epochs(0.001).TotalSteps(10));
        Assert.Equal(30, Epochs(3).TotalSteps(10));
        Assert.Equal(10, Epochs(9.9).EpochCount);
        Assert.Equal(3, Epochs(3).EpochCount);

        static RunSpec Epochs(double epochs) =>
            RunSpecReader.Read("", "test.yaml") with { Epochs = epochs };
    }

    [Fact]
    public void Parts_of_a_recipe_can_be_taken_away()
    {
        var spec = RunSpecReader.Read(
            "model: airbench94\ndataset: cifar-10", "test.yaml",
            ["optimizer.groups=none", "optimizer.lookahead=none", "testTimeAugmentation=none"]);
        Assert.Empty(spec.Optimizer.Groups);
        Assert.Null(spec.Optimizer.Lookahead);
        Assert.Equal(TestTimeAugmentation.None, spec.TestTimeAugmentation);
        var faster = RunSpecReader.Read(
            "model: airbench94\ndataset: cifar-10", "test.yaml",
            ["optimizer.groups.norms.rateFactor=32", "optimizer.groups.linear=2"]);
        Assert.Equal(
            [(ParameterKind.Linear, 2), (ParameterKind.Norms, 32)],
            faster.Optimizer.Groups.Select(group => (group.Parameters, (int)group.RateFactor)));
    }

    [Fact]
    public void Another_optimizer_takes_nothing_over()
    {
        var spec = RunSpecReader.Read(
            "model: airbench94\ndataset: cifar-10\noptimizer: adamw", "test.yaml");
        Assert.Equal(OptimizerSpec.AdamW(1e-3), spec.Optimizer);
    }
}
