namespace Distributed.Training.Models;

/// <summary>
/// What layers are called in a spec, and the sizes that follow from their own keys.
/// </summary>
internal static class LayerWords
{
    public static string KindOf(LayerSpec layer) => layer switch
    {
        ConvLayer => "conv",
        BatchNormLayer => "batchNorm",
        ReluLayer => "relu",
        GeluLayer => "gelu",
        MaxPoolLayer => "maxPool",
        AveragePoolLayer => "avgPool",
        GlobalAveragePoolLayer => "globalAvgPool",
        DropoutLayer => "dropout",
        FlattenLayer => "flatten",
        LinearLayer => "linear",
        ResidualLayer => "residual",
        _ => throw new NotSupportedException($"no word for {layer.GetType().Name}"),
    };

    public static int PaddingOf(ConvLayer conv) => conv.Padding ?? (conv.Kernel - 1) / 2;
}
