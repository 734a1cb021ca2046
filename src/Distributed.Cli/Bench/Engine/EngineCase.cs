using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Models;

namespace Distributed.Cli.Bench.Engine;

/// <summary>A network and an optimizer that together are checked.</summary>
/// <param name="Name">For people.</param>
/// <param name="Text">The network, as the engine reads it.</param>
/// <param name="Input">Of its images.</param>
/// <param name="Optimizer">Muon takes the convolutions' filters alone, SGD the rest.</param>
internal sealed record EngineCase(
    string Name, string Text, ImageShape Input, OptimizerSettings Optimizer,
    bool HasLookahead = false)
{
    private const int Classes = 10;

    /// <summary>What no preset has: groups, average pooling, pooling with overlap.</summary>
    private const string OtherLayers = """
        input channels=3 height=16 width=16
        conv name=conv1 in=3 out=8 kernel=3 stride=2 padding=1 groups=1 bias=1
        relu
        maxpool kernel=3 stride=1 padding=1
        residual name=block
        conv name=block.conv1 in=8 out=8 kernel=3 stride=1 padding=1 groups=2 bias=0
        batchnorm name=block.bn1 channels=8 eps=1e-05 momentum=0.1
        gelu
        shortcut
        conv name=block.0 in=8 out=8 kernel=1 stride=1 padding=0 groups=1 bias=0
        end
        avgpool kernel=2 stride=2 padding=0
        flatten
        dropout p=0.25
        linear name=fc in=128 out=10 bias=1
        scale factor=0.5
        loss smoothing=0.1
        """;

    private static readonly OptimizerSettings Sgd = new(
        OptimizerKind.Sgd, Momentum: 0.9, Nesterov: true, WeightDecay: 5e-4, Beta1: 0.9,
        Beta2: 0.999, Epsilon: 1e-8);

    /// <summary>
    /// Its epsilon is large, because a small one makes steps as long for gradients that are
    /// rounding errors as for others.
    /// </summary>
    private static readonly OptimizerSettings Adam = Sgd with
    {
        Kind = OptimizerKind.Adam,
        Epsilon = 1e-2,
    };

    public static IReadOnlyList<EngineCase> All { get; } =
    [
        new("layers", OtherLayers, new ImageShape(3, 16, 16), Sgd),
        Preset("course-cnn", new ImageShape(1, 28, 28), Adam),
        Preset("mnist-cnn", new ImageShape(1, 28, 28), Adam with { Kind = OptimizerKind.AdamW }),
        Preset("cifar-cnn", new ImageShape(3, 32, 32), Sgd),
        Preset("resnet18", new ImageShape(3, 32, 32), Sgd),
        Preset("airbench94", new ImageShape(3, 32, 32), Sgd) with { HasLookahead = true },
        Preset(
            "airbench94-muon", new ImageShape(3, 32, 32),
            Sgd with { Kind = OptimizerKind.Muon, NewtonSchulzSteps = 3 }),
    ];

    private static EngineCase Preset(string name, ImageShape input, OptimizerSettings optimizer)
    {
        Network network = Network.Resolve(ModelPresets.Get(name, input)!, input, Classes);
        return new EngineCase(name, network.ToEngineText(labelSmoothing: 0.2), input, optimizer);
    }
}
