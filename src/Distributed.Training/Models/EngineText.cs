using System.Text;
using Distributed.Training.Specification;

namespace Distributed.Training.Models;

/// <summary>
/// Writes a network as the engine reads it: one layer a line, sizes in full, and the full names of
/// layers, so that the engine names its tensors without knowing of blocks.
/// </summary>
internal static class EngineText
{
    public static string Write(Network network, double labelSmoothing)
    {
        var text = new StringBuilder();
        var input = network.Input;
        Line(text, $"input channels={input.Channels} height={input.Height} width={input.Width}");
        foreach (var layer in network.Layers)
            WriteLayer(text, layer);
        Line(text, $"loss smoothing={SpecWords.Of(labelSmoothing)}");
        return text.ToString();
    }

    /// <summary>The first layers alone, with their output as one row of numbers.</summary>
    public static string WritePart(Network network, int layers)
    {
        var text = new StringBuilder();
        var input = network.Input;
        Line(text, $"input channels={input.Channels} height={input.Height} width={input.Width}");
        foreach (var layer in network.Layers.Take(layers))
            WriteLayer(text, layer);
        if (!network.Layers[layers - 1].Output.IsFlat)
            Line(text, "flatten");
        Line(text, "loss smoothing=0");
        return text.ToString();
    }

    private static void WriteLayer(StringBuilder text, ResolvedLayer layer)
    {
        if (layer.Spec is not ResidualLayer)
        {
            Line(text, Describe(layer));
            return;
        }
        Line(text, $"residual name={layer.Name}");
        foreach (var inner in layer.Branch)
            WriteLayer(text, inner);
        if (layer.Shortcut.Count > 0)
        {
            Line(text, "shortcut");
            foreach (var inner in layer.Shortcut)
                WriteLayer(text, inner);
        }
        Line(text, "end");
    }

    private static string Describe(ResolvedLayer layer) => layer.Spec switch
    {
        ConvLayer conv =>
            $"conv name={layer.Name} in={layer.Input.Channels} out={conv.Filters} "
            + $"kernel={conv.Kernel} stride={conv.Stride} padding={LayerWords.PaddingOf(conv)} "
            + $"groups={conv.Groups} bias={Flag(conv.Bias)}",
        WhiteningLayer whitening =>
            $"conv name={layer.Name} in={layer.Input.Channels} out={layer.Output.Channels} "
            + $"kernel={whitening.Kernel} stride=1 padding=0 groups=1 bias=1",
        BatchNormLayer norm =>
            $"batchnorm name={layer.Name} channels={layer.Input.Channels} "
            + $"eps={SpecWords.Of(norm.Epsilon)} momentum={SpecWords.Of(norm.Momentum)}"
            + (norm.Scale ? "" : " scale=0"),
        ReluLayer => "relu",
        GeluLayer => "gelu",
        FlattenLayer => "flatten",
        ScaleLayer scale => $"scale factor={SpecWords.Of(scale.Factor)}",
        GlobalAveragePoolLayer => "globalavgpool",
        MaxPoolLayer pool =>
            $"maxpool kernel={pool.Kernel} stride={pool.Stride} padding={pool.Padding}",
        AveragePoolLayer pool =>
            $"avgpool kernel={pool.Kernel} stride={pool.Stride} padding={pool.Padding}",
        DropoutLayer dropout => $"dropout p={SpecWords.Of(dropout.Probability)}",
        LinearLayer linear =>
            $"linear name={layer.Name} in={layer.Input.Channels} out={layer.Output.Channels} "
            + $"bias={Flag(linear.Bias)}",
        _ => throw new NotSupportedException($"the engine has no {layer.Spec.GetType().Name}"),
    };

    private static int Flag(bool value) => value ? 1 : 0;

    private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');
}
