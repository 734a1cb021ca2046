namespace Distributed.Training.Models;

/// <summary>What a tensor is for, which decides how it starts.</summary>
public enum TensorRole
{
    ConvolutionWeight,
    WhiteningWeight,
    WhiteningBias,
    LinearWeight,
    Bias,
    NormalizationWeight,
    NormalizationBias,
    RunningMean,
    RunningVariance,
}

/// <summary>A parameter or running statistic, named and shaped as PyTorch would.</summary>
/// <param name="FanIn">Inputs of one unit of the layer.</param>
/// <param name="FanOut">Outputs that one input reaches, as PyTorch counts them.</param>
/// <param name="TrainedEpochs">
/// Steps after so many epochs leave it as it is, with 0 all of them; null: none does.
/// </param>
public sealed record NetworkTensor(
    string Name, int[] Shape, TensorRole Role, long FanIn, long FanOut,
    double? TrainedEpochs = null)
{
    public long Length => Shape.Aggregate(1L, (product, size) => product * size);

    public bool IsStatistic => Role is TensorRole.RunningMean or TensorRole.RunningVariance;
}

/// <summary>A layer whose input and output are known.</summary>
/// <param name="Name">
/// The full name, with the prefixes of the blocks around it; for a layer without tensors, its
/// place and kind, such as layers[2] (relu).
/// </param>
/// <param name="FlopsPerImage">Of a forward pass; a multiply-add counts as two.</param>
public sealed record ResolvedLayer(
    LayerSpec Spec, string Name, FeatureShape Input, FeatureShape Output,
    IReadOnlyList<NetworkTensor> Tensors, long FlopsPerImage,
    IReadOnlyList<ResolvedLayer> Branch, IReadOnlyList<ResolvedLayer> Shortcut);
