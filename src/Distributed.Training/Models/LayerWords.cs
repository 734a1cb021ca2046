namespace Distributed.Training.Models;

/// <summary>
/// What layers are called in a spec, and the sizes that follow from their own keys.
/// </summary>
public static class LayerWords
{
    /// <summary>For example conv or maxPool.</summary>
    public static string KindOf(LayerSpec layer) => layer switch
    {
        ConvLayer => "conv",
        WhiteningLayer => "whitening",
        BatchNormLayer => "batchNorm",
        ReluLayer => "relu",
        GeluLayer => "gelu",
        MaxPoolLayer => "maxPool",
        AveragePoolLayer => "avgPool",
        GlobalAveragePoolLayer => "globalAvgPool",
        DropoutLayer => "dropout",
        FlattenLayer => "flatten",
        LinearLayer => "linear",
        ScaleLayer => "scale",
        ResidualLayer => "residual",
        _ => throw new NotSupportedException($"no word for {layer.GetType().Name}"),
    };

    /// <summary>Zeros on each side.</summary>
    public static int PaddingOf(ConvLayer conv) => conv.Padding ?? (conv.Kernel - 1) / 2;

    /// <summary>
    /// One for each direction in which pixels can differ, and one for its opposite.
    /// </summary>
    public static int FiltersOf(WhiteningLayer layer, int channels) =>
        2 * channels * layer.Kernel * layer.Kernel;
}
