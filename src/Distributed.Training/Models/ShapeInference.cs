using Distributed.Training.Data;
using Distributed.Training.Specification;

namespace Distributed.Training.Models;

/// <summary>
/// Carries the shape of a sample through the layers. The first layer that does not fit ends the
/// inference, since nothing is known of the shapes behind it.
/// </summary>
internal sealed class ShapeInference
{
    /// <summary>More than any machine could hold, and few enough for 32-bit sizes.</summary>
    private const long ElementsMax = 1 << 28;

    private readonly int classes;
    private readonly List<NetworkMisfit> misfits;
    private readonly HashSet<string> names = [];
    private bool isFirst = true;

    public ShapeInference(int classes, List<NetworkMisfit> misfits)
    {
        this.classes = classes;
        this.misfits = misfits;
    }

    public IReadOnlyList<ResolvedLayer>? Resolve(ModelSpec model, ImageShape input)
    {
        var start = FeatureShape.Spatial(input.Channels, input.Height, input.Width);
        var layers = ResolveBlock(model.Layers, "", "layers", start);
        if (layers is null)
            return null;
        var output = layers.Count == 0 ? start : layers[^1].Output;
        if (output.IsFlat && output.Channels == classes)
            return layers;
        var last = layers.Count == 0 ? "layers" : layers[^1].Name;
        Misfit(last, $"the network ends here with {Shaped(output)}; expected one output for each "
            + $"of the {classes} classes: end it with '- linear: classes'");
        return null;
    }

    private List<ResolvedLayer>? ResolveBlock(
        ValueList<LayerSpec> specs, string prefix, string listName, FeatureShape shape)
    {
        var layers = new List<ResolvedLayer>();
        for (var index = 0; index < specs.Count; index++)
        {
            var spec = specs[index];
            var name = spec is NamedLayerSpec named
                ? prefix + named.Name
                : $"{prefix}{listName}[{index}] ({LayerWords.KindOf(spec)})";
            if (!names.Add(name))
            {
                Misfit(name, "two layers have this name; expected another name for one of them");
                return null;
            }
            if (ResolveLayer(spec, name, shape) is not { } layer)
                return null;
            isFirst = false;
            layers.Add(layer);
            shape = layer.Output;
        }
        return layers;
    }

    private ResolvedLayer? ResolveLayer(LayerSpec spec, string name, FeatureShape input) =>
        spec switch
        {
            ConvLayer conv => Convolution(conv, name, input),
            WhiteningLayer whitening => Whitening(whitening, name, input),
            BatchNormLayer norm => Normalization(norm, name, input),
            MaxPoolLayer pool => Pool(pool, name, input, pool.Kernel, pool.Stride, pool.Padding),
            AveragePoolLayer pool =>
                Pool(pool, name, input, pool.Kernel, pool.Stride, pool.Padding),
            GlobalAveragePoolLayer => NeedsSpatial(name, input)
                ? Plain(spec, name, input, FeatureShape.Spatial(input.Channels, 1, 1)) : null,
            FlattenLayer => Plain(spec, name, input, FeatureShape.Flat(input.Elements)),
            LinearLayer linear => Linear(linear, name, input),
            ResidualLayer residual => Residual(residual, name, input),
            _ => Plain(spec, name, input, input),
        };

    private ResolvedLayer? Convolution(ConvLayer conv, string name, FeatureShape input)
    {
        if (!NeedsSpatial(name, input))
            return null;
        if (conv.Padding is null && conv.Kernel % 2 == 0)
            return Misfit(name, $"a kernel of {conv.Kernel} cannot be padded alike on both sides; "
                + "expected an odd kernel for padding: same, or a number as padding");
        if (input.Channels % conv.Groups != 0 || conv.Filters % conv.Groups != 0)
            return Misfit(name, $"the input {input} and {conv.Filters} filters in {conv.Groups} "
                + "groups; expected groups that divide both the channels and the filters");
        var padding = LayerWords.PaddingOf(conv);
        if (Slide(name, input, conv.Kernel, conv.Stride, padding, conv.Filters) is not { } output)
            return null;
        var unitInputs = (long)(input.Channels / conv.Groups) * conv.Kernel * conv.Kernel;
        var unitOutputs = (long)conv.Filters * conv.Kernel * conv.Kernel;
        int[] shape = [conv.Filters, input.Channels / conv.Groups, conv.Kernel, conv.Kernel];
        var tensors = WeightAndBias(
            name, shape, TensorRole.ConvolutionWeight, unitInputs, unitOutputs, conv.Bias);
        if (!FitsMemory(name, tensors))
            return null;
        var flops = 2 * unitInputs * output.Elements;
        return new ResolvedLayer(conv, name, input, output, tensors, flops, [], []);
    }

    private ResolvedLayer? Whitening(WhiteningLayer layer, string name, FeatureShape input)
    {
        if (!NeedsSpatial(name, input))
            return null;
        if (name != layer.Name || !isFirst)
            return Misfit(name, "its filters come from the images; expected it as the first of "
                + "the network's layers");
        var filters = LayerWords.FiltersOf(layer, input.Channels);
        if (filters / 2 > WhiteningFilters.DirectionsMax)
            return Misfit(name, $"patches of {filters / 2} values; expected at most "
                + $"{WhiteningFilters.DirectionsMax}: lower its kernel");
        if (Slide(name, input, layer.Kernel, 1, 0, filters) is not { } output)
            return null;
        long inputs = filters / 2;
        var outputs = (long)filters * layer.Kernel * layer.Kernel;
        int[] shape = [filters, input.Channels, layer.Kernel, layer.Kernel];
        List<NetworkTensor> tensors =
        [
            new($"{name}.weight", shape, TensorRole.WhiteningWeight, inputs, outputs, 0),
            new($"{name}.bias", [filters], TensorRole.WhiteningBias, inputs, outputs,
                layer.BiasEpochs),
        ];
        return new ResolvedLayer(
            layer, name, input, output, tensors, 2 * inputs * output.Elements, [], []);
    }

    private ResolvedLayer? Normalization(BatchNormLayer norm, string name, FeatureShape input)
    {
        if (!NeedsSpatial(name, input))
            return null;
        int[] shape = [input.Channels];
        var tensors = new List<NetworkTensor>
        {
            new($"{name}.bias", shape, TensorRole.NormalizationBias, 1, 1),
            new($"{name}.running_mean", shape, TensorRole.RunningMean, 1, 1),
            new($"{name}.running_var", shape, TensorRole.RunningVariance, 1, 1),
        };
        if (norm.Scale)
            tensors.Insert(0, new($"{name}.weight", shape, TensorRole.NormalizationWeight, 1, 1));
        return new ResolvedLayer(norm, name, input, input, tensors, 0, [], []);
    }

    private ResolvedLayer? Pool(
        LayerSpec spec, string name, FeatureShape input, int kernel, int stride, int padding)
    {
        if (!NeedsSpatial(name, input))
            return null;
        if (padding > kernel / 2)
            return Misfit(name, $"a padding of {padding} for a kernel of {kernel}; expected at "
                + "most half the kernel");
        return Slide(name, input, kernel, stride, padding, input.Channels) is { } output
            ? Plain(spec, name, input, output)
            : null;
    }

    private ResolvedLayer? Linear(LinearLayer linear, string name, FeatureShape input)
    {
        if (!input.IsFlat)
            return Misfit(name, $"the input {input} is not flat; expected '- flatten' before it");
        var features = linear.Features ?? classes;
        var tensors = WeightAndBias(
            name, [features, input.Channels], TensorRole.LinearWeight, input.Channels, features,
            linear.Bias);
        return FitsMemory(name, tensors)
            ? new ResolvedLayer(
                linear, name, input, FeatureShape.Flat(features), tensors,
                2L * input.Channels * features, [], [])
            : null;
    }

    private ResolvedLayer? Residual(ResidualLayer residual, string name, FeatureShape input)
    {
        var branch = ResolveBlock(residual.Layers, $"{name}.", "layers", input);
        if (branch is null)
            return null;
        var shortcut = ResolveBlock(
            residual.Shortcut, $"{name}.{LayerNames.ShortcutPrefix}.", "shortcut", input);
        if (shortcut is null)
            return null;
        var output = branch.Count == 0 ? input : branch[^1].Output;
        var added = shortcut.Count == 0 ? input : shortcut[^1].Output;
        if (output != added)
            return Misfit(name, shortcut.Count == 0
                ? $"its layers make {output} of the input {input}; expected the input's shape, or "
                    + "a shortcut that makes the same"
                : $"its layers make {output} of the input {input} and its shortcut {added}; "
                    + "expected equal shapes");
        var flops = branch.Sum(layer => layer.FlopsPerImage)
            + shortcut.Sum(layer => layer.FlopsPerImage);
        return new ResolvedLayer(residual, name, input, output, [], flops, branch, shortcut);
    }

    private static ResolvedLayer Plain(
        LayerSpec spec, string name, FeatureShape input, FeatureShape output) =>
        new(spec, name, input, output, [], 0, [], []);

    private FeatureShape? Slide(
        string name, FeatureShape input, int kernel, int stride, int padding, int channels)
    {
        var smallest = Math.Min(input.Height, input.Width) + (2L * padding);
        if (kernel > smallest)
        {
            Misfit(name, $"a kernel of {kernel} does not fit the input {input} with a padding of "
                + $"{padding}; expected a kernel of at most {smallest}");
            return null;
        }
        var height = ((input.Height + (2L * padding) - kernel) / stride) + 1;
        var width = ((input.Width + (2L * padding) - kernel) / stride) + 1;
        if (channels * (decimal)height * width > ElementsMax)
        {
            Misfit(name, $"makes {channels}x{height}x{width} of the input {input}; expected at "
                + $"most {ElementsMax} values an image");
            return null;
        }
        return FeatureShape.Spatial(channels, (int)height, (int)width);
    }

    private bool NeedsSpatial(string name, FeatureShape input)
    {
        if (input.IsFlat)
            Misfit(name, $"the input is flat ({input} features); expected channels x height x "
                + "width: move this layer before '- flatten'");
        return !input.IsFlat;
    }

    private bool FitsMemory(string name, List<NetworkTensor> tensors)
    {
        // Decimal, because a product of three user numbers can pass 64 bits.
        var largest = tensors.Max(tensor =>
            tensor.Shape.Aggregate(1m, (product, size) => product * size));
        if (largest > ElementsMax)
            Misfit(name, $"a tensor of {largest} elements; expected at most {ElementsMax}");
        return largest <= ElementsMax;
    }

    private static List<NetworkTensor> WeightAndBias(
        string name, int[] shape, TensorRole role, long fanIn, long fanOut, bool hasBias)
    {
        var tensors = new List<NetworkTensor> { new($"{name}.weight", shape, role, fanIn, fanOut) };
        if (hasBias)
            tensors.Add(new($"{name}.bias", [shape[0]], TensorRole.Bias, fanIn, fanOut));
        return tensors;
    }

    private static string Shaped(FeatureShape shape) =>
        shape.IsFlat ? $"{shape} outputs" : $"an output of {shape}";

    private ResolvedLayer? Misfit(string layer, string problem)
    {
        misfits.Add(new NetworkMisfit(layer, problem));
        return null;
    }
}
