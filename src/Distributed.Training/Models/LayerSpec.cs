using Distributed.Training.Specification;

namespace Distributed.Training.Models;

/// <summary>
/// A layer as a user writes it: sizes that follow from the input are not part of it. Kernels,
/// strides and paddings are square.
/// </summary>
public abstract record LayerSpec;

/// <summary>A layer with tensors, which are named after it.</summary>
/// <param name="Name">Within the block that holds the layer, without the block's prefix.</param>
public abstract record NamedLayerSpec(string Name) : LayerSpec;

/// <param name="Padding">
/// Zeros on each side; null keeps the size ("same"; for a stride above 1, the size over the
/// stride, rounded up), which needs an odd kernel.
/// </param>
public sealed record ConvLayer(
    string Name, int Filters, int Kernel, int Stride = 1, int? Padding = null, int Groups = 1,
    bool Bias = true) : NamedLayerSpec(Name);

/// <summary>
/// A convolution that makes the neighbouring pixels of the training images uncorrelated and of
/// equal spread: its filters follow from the images, 2 · channels · kernel² of them, and stay as
/// they are; its biases, which begin at 0, are trained. No padding, a stride of 1.
/// </summary>
/// <param name="Samples">Images at the training set's front that the filters come from.</param>
/// <param name="Epsilon">Added to every spread, so that a small one is not blown up.</param>
/// <param name="BiasEpochs">The biases are trained for so long; null: as long as the run.</param>
public sealed record WhiteningLayer(
    string Name, int Kernel = 2, int Samples = 5_000, double Epsilon = 5e-4,
    double? BiasEpochs = null) : NamedLayerSpec(Name);

/// <param name="Momentum">The weight of the newest batch in the running statistics.</param>
/// <param name="Scale">Whether each channel has a scale to be trained; else it is 1.</param>
public sealed record BatchNormLayer(
    string Name, double Momentum = 0.1, double Epsilon = 1e-5, bool Scale = true)
    : NamedLayerSpec(Name);

public sealed record ReluLayer : LayerSpec;

/// <summary>The exact GELU, by the error function.</summary>
public sealed record GeluLayer : LayerSpec;

public sealed record MaxPoolLayer(int Kernel, int Stride, int Padding = 0) : LayerSpec;

/// <summary>
/// The mean over each window; padding counts as zeros in the mean, as in PyTorch.
/// </summary>
public sealed record AveragePoolLayer(int Kernel, int Stride, int Padding = 0) : LayerSpec;

public sealed record GlobalAveragePoolLayer : LayerSpec;

public sealed record DropoutLayer(double Probability) : LayerSpec;

public sealed record FlattenLayer : LayerSpec;

/// <summary>Multiplies all values by one number, such as logits that are to be small.</summary>
public sealed record ScaleLayer(double Factor) : LayerSpec;

/// <param name="Features">Outputs; null: one for each class of the dataset.</param>
public sealed record LinearLayer(string Name, int? Features, bool Bias = true)
    : NamedLayerSpec(Name);

/// <summary>Adds what its layers make of the input to the shortcut's output.</summary>
/// <param name="Shortcut">Empty: the input itself.</param>
public sealed record ResidualLayer(
    string Name, ValueList<LayerSpec> Layers, ValueList<LayerSpec> Shortcut)
    : NamedLayerSpec(Name);
