using Distributed.Training.Data;

namespace Distributed.Training.Models;

/// <summary>The networks that are known by name.</summary>
public static class ModelPresets
{
    /// <summary>Images of this size and more get the stem of the original ResNet.</summary>
    private const int LargeImagePixels = 64;

    public static IReadOnlyList<string> Names { get; } =
        ["course-cnn", "mnist-cnn", "cifar-cnn", "resnet18", "airbench94", "airbench94-muon"];

    /// <summary>
    /// The network of that name, which for resnet18 depends on the images' size; null for a name
    /// that is not known.
    /// </summary>
    /// <param name="image">Null where it is not known yet: small images are assumed.</param>
    public static ModelSpec? Get(string name, ImageShape? image) => name switch
    {
        "course-cnn" => CourseCnn(),
        "mnist-cnn" => MnistCnn(),
        "cifar-cnn" => CifarCnn(),
        "resnet18" => ResNet18(
            image is { } known && Math.Min(known.Height, known.Width) >= LargeImagePixels),
        "airbench94" => Airbench94(name, logitScale: 1.0 / 9),
        "airbench94-muon" => Airbench94(name, logitScale: 1.0 / 256),
        _ => null,
    };

    /// <summary>The network of the introduction to CNNs that the first users follow.</summary>
    private static ModelSpec CourseCnn() => new(
        "course-cnn",
        InitializationKind.KaimingUniform,
        [
            new ConvLayer("conv1", Filters: 16, Kernel: 5),
            new MaxPoolLayer(2, 2),
            new ReluLayer(),
            new ConvLayer("conv2", Filters: 36, Kernel: 5),
            new MaxPoolLayer(2, 2),
            new ReluLayer(),
            new FlattenLayer(),
            new LinearLayer("fc1", Features: 128),
            new ReluLayer(),
            new LinearLayer("fc2", Features: null),
        ]);

    /// <summary>PyTorch's MNIST example: 1,199,882 parameters.</summary>
    private static ModelSpec MnistCnn() => new(
        "mnist-cnn",
        InitializationKind.KaimingUniform,
        [
            new ConvLayer("conv1", Filters: 32, Kernel: 3, Padding: 0),
            new ReluLayer(),
            new ConvLayer("conv2", Filters: 64, Kernel: 3, Padding: 0),
            new ReluLayer(),
            new MaxPoolLayer(2, 2),
            new DropoutLayer(0.25),
            new FlattenLayer(),
            new LinearLayer("fc1", Features: 128),
            new ReluLayer(),
            new DropoutLayer(0.5),
            new LinearLayer("fc2", Features: null),
        ]);

    private static ModelSpec CifarCnn()
    {
        var layers = new List<LayerSpec>();
        var number = 0;
        foreach (var filters in new[] { 32, 64, 128 })
        {
            for (var repeat = 0; repeat < 2; repeat++)
            {
                number++;
                // Batch norm takes away any bias in front of it.
                layers.Add(new ConvLayer($"conv{number}", filters, Kernel: 3, Bias: false));
                layers.Add(new BatchNormLayer($"bn{number}"));
                layers.Add(new ReluLayer());
            }
            layers.Add(new MaxPoolLayer(2, 2));
        }
        layers.Add(new FlattenLayer());
        layers.Add(new LinearLayer("fc", Features: null));
        return new ModelSpec("cifar-cnn", InitializationKind.KaimingUniform, [.. layers]);
    }

    /// <summary>ResNet-18 with torchvision's names.</summary>
    private static ModelSpec ResNet18(bool largeImages)
    {
        var layers = new List<LayerSpec>
        {
            largeImages
                ? new ConvLayer("conv1", 64, Kernel: 7, Stride: 2, Bias: false)
                : new ConvLayer("conv1", 64, Kernel: 3, Bias: false),
            new BatchNormLayer("bn1"),
            new ReluLayer(),
        };
        if (largeImages)
            layers.Add(new MaxPoolLayer(3, 2, 1));
        for (var stage = 1; stage <= 4; stage++)
        {
            var filters = 32 << stage;
            layers.Add(BasicBlock($"layer{stage}.0", filters, stride: stage == 1 ? 1 : 2));
            layers.Add(new ReluLayer());
            layers.Add(BasicBlock($"layer{stage}.1", filters, stride: 1));
            layers.Add(new ReluLayer());
        }
        layers.Add(new GlobalAveragePoolLayer());
        layers.Add(new FlattenLayer());
        layers.Add(new LinearLayer("fc", Features: null));
        return new ModelSpec("resnet18", InitializationKind.KaimingNormal, [.. layers]);
    }

    /// <summary>
    /// The network of the fastest published runs to 94 % on CIFAR-10: 1,971,640 parameters (Jordan,
    /// "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024).
    /// </summary>
    private static ModelSpec Airbench94(string name, double logitScale)
    {
        var layers = new List<LayerSpec>
        {
            new WhiteningLayer("whiten", BiasEpochs: 3),
            new GeluLayer(),
        };
        var number = 0;
        foreach (var filters in new[] { 64, 256, 256 })
        {
            AddConvolution(filters);
            layers.Add(new MaxPoolLayer(2, 2));
            AddNormalization();
            AddConvolution(filters);
            AddNormalization();
        }
        layers.Add(new MaxPoolLayer(3, 3));
        layers.Add(new FlattenLayer());
        layers.Add(new LinearLayer("head", Features: null, Bias: false));
        layers.Add(new ScaleLayer(logitScale));
        return new ModelSpec(name, InitializationKind.Dirac, [.. layers]);

        void AddConvolution(int filters) =>
            layers.Add(new ConvLayer($"conv{++number}", filters, Kernel: 3, Bias: false));

        void AddNormalization()
        {
            layers.Add(new BatchNormLayer(
                $"bn{number}", Momentum: 0.4, Epsilon: 1e-12, Scale: false));
            layers.Add(new GeluLayer());
        }
    }

    private static ResidualLayer BasicBlock(string name, int filters, int stride) => new(
        name,
        [
            new ConvLayer("conv1", filters, Kernel: 3, Stride: stride, Bias: false),
            new BatchNormLayer("bn1"),
            new ReluLayer(),
            new ConvLayer("conv2", filters, Kernel: 3, Bias: false),
            new BatchNormLayer("bn2"),
        ],
        stride == 1
            ? []
            :
            [
                new ConvLayer("0", filters, Kernel: 1, Stride: stride, Bias: false),
                new BatchNormLayer("1"),
            ]);
}
