using System.Globalization;
using System.Runtime.InteropServices;
using Distributed.Kernel;
using Distributed.Training.Models;

namespace Distributed.Training.Export;

/// <summary>Builds the graph of an ONNX model from a network and its values.</summary>
internal sealed class OnnxGraph
{
    private const string InputName = "images";
    private const string OutputName = "logits";
    private const string BatchName = "batch";

    private readonly ModelWeights weights;
    private readonly ProtoMessage graph = new();
    private readonly HashSet<string> constants = [];
    private int nodeCount;

    public OnnxGraph(ModelWeights weights) => this.weights = weights;

    public ProtoMessage Build()
    {
        var network = weights.Network;
        var value = InputName;
        foreach (var layer in network.Layers)
            value = Layer(layer, value);
        // The last value keeps its own name inside; users find it under this one.
        Node("Identity", OutputName, [value]);
        var image = network.Input;
        graph.Text(OnnxFields.GraphName, network.Model.Name)
            .Message(OnnxFields.GraphInput,
                Value(InputName, image.Channels, image.Height, image.Width))
            .Message(OnnxFields.GraphOutput, Value(OutputName, network.Classes));
        return graph;
    }

    /// <summary>Adds the nodes of a layer and returns the name of its output.</summary>
    private string Layer(ResolvedLayer layer, string input)
    {
        switch (layer.Spec)
        {
            case ConvLayer conv:
                return Node("Conv", null, [input, .. Tensors(layer)],
                    [
                        .. Window(conv.Kernel, conv.Stride, LayerWords.PaddingOf(conv)),
                        Integer("group", conv.Groups),
                    ]);
            case WhiteningLayer whitening:
                return Node("Conv", null, [input, .. Tensors(layer)],
                    [.. Window(whitening.Kernel, stride: 1, padding: 0), Integer("group", 1)]);
            case ScaleLayer scale:
                var factor = Constant($"factor.{nodeCount}", (float)scale.Factor);
                return Node("Mul", null, [input, factor]);
            case BatchNormLayer norm:
                var tensors = Tensors(layer);
                if (!norm.Scale)
                    tensors.Insert(0, Ones(layer));
                return Node("BatchNormalization", null, [input, .. tensors],
                    Float("epsilon", norm.Epsilon));
            case ReluLayer:
                return Node("Relu", null, [input]);
            case GeluLayer:
                return Gelu(input);
            case MaxPoolLayer pool:
                return Node("MaxPool", null, [input],
                    Window(pool.Kernel, pool.Stride, pool.Padding));
            case AveragePoolLayer pool:
                return Node("AveragePool", null, [input],
                    [
                        .. Window(pool.Kernel, pool.Stride, pool.Padding),
                        Integer("count_include_pad", 1),
                    ]);
            case GlobalAveragePoolLayer:
                return Node("GlobalAveragePool", null, [input]);
            case DropoutLayer:
                return input;
            case FlattenLayer:
                return Node("Flatten", null, [input], Integer("axis", 1));
            case LinearLayer:
                return Node("Gemm", null, [input, .. Tensors(layer)], Integer("transB", 1));
            case ResidualLayer:
                return Residual(layer, input);
            default:
                throw new InvariantException($"no ONNX for {layer.Spec.GetType().Name}");
        }
    }

    private string Residual(ResolvedLayer layer, string input)
    {
        var branch = layer.Branch.Aggregate(input, (value, inner) => Layer(inner, value));
        var shortcut = layer.Shortcut.Aggregate(input, (value, inner) => Layer(inner, value));
        return Node("Add", null, [branch, shortcut]);
    }

    /// <summary>x / 2 * (1 + erf(x / sqrt 2)); this opset has no GELU of its own.</summary>
    private string Gelu(string input)
    {
        var rootOfHalf = Constant("gelu.rootOfHalf", MathF.Sqrt(0.5f));
        var scaled = Node("Mul", null, [input, rootOfHalf]);
        var raised = Node("Add", null, [Node("Erf", null, [scaled]), Constant("gelu.one", 1)]);
        var half = Node("Mul", null, [input, Constant("gelu.half", 0.5f)]);
        return Node("Mul", null, [half, raised]);
    }

    private List<string> Tensors(ResolvedLayer layer)
    {
        foreach (var tensor in layer.Tensors)
            Initializer(tensor.Name, tensor.Shape, weights.Of(tensor.Name));
        // Weight, bias, mean, variance: the order of the network's tensors is the operators' own.
        return [.. layer.Tensors.Select(tensor => tensor.Name)];
    }

    private string Constant(string name, float value)
    {
        if (constants.Add(name))
            Initializer(name, [], new[] { value });
        return name;
    }

    /// <summary>The scales of a batch norm that has none, which the operator wants.</summary>
    private string Ones(ResolvedLayer layer)
    {
        var name = $"{layer.Name}.weight";
        Initializer(name, [layer.Input.Channels], ModelWeights.Ones(layer.Input.Channels));
        return name;
    }

    private void Initializer(string name, int[] shape, ReadOnlyMemory<float> values)
    {
        var tensor = new ProtoMessage();
        foreach (var size in shape)
            tensor.Int64(OnnxFields.TensorDimensions, size);
        var bytes = MemoryMarshal.AsBytes(values.Span).ToArray();
        graph.Message(OnnxFields.GraphInitializer, tensor
            .Int64(OnnxFields.TensorDataType, OnnxFields.DataTypeFloat)
            .Text(OnnxFields.TensorName, name)
            .Bytes(OnnxFields.TensorRawData, bytes));
    }

    private string Node(
        string operation, string? output, string[] inputs, params ProtoMessage[] attributes)
    {
        var number = nodeCount++.ToString(CultureInfo.InvariantCulture);
        var name = $"{operation}_{number}";
        output ??= $"value_{number}";
        var node = new ProtoMessage();
        foreach (var input in inputs)
            node.Text(OnnxFields.NodeInput, input);
        node.Text(OnnxFields.NodeOutput, output)
            .Text(OnnxFields.NodeName, name)
            .Text(OnnxFields.NodeOperator, operation);
        foreach (var attribute in attributes)
            node.Message(OnnxFields.NodeAttribute, attribute);
        graph.Message(OnnxFields.GraphNode, node);
        return output;
    }

    private static ProtoMessage[] Window(int kernel, int stride, int padding) =>
    [
        Integers("kernel_shape", kernel, kernel),
        Integers("strides", stride, stride),
        Integers("pads", padding, padding, padding, padding),
    ];

    private static ProtoMessage Integer(string name, long value) =>
        new ProtoMessage()
            .Text(OnnxFields.AttributeName, name)
            .Int64(OnnxFields.AttributeInt, value)
            .Int64(OnnxFields.AttributeType, OnnxFields.AttributeTypeInt);

    private static ProtoMessage Integers(string name, params long[] values)
    {
        var attribute = new ProtoMessage().Text(OnnxFields.AttributeName, name);
        foreach (var value in values)
            attribute.Int64(OnnxFields.AttributeInts, value);
        return attribute.Int64(OnnxFields.AttributeType, OnnxFields.AttributeTypeInts);
    }

    private static ProtoMessage Float(string name, double value) =>
        new ProtoMessage()
            .Text(OnnxFields.AttributeName, name)
            .Float(OnnxFields.AttributeFloat, (float)value)
            .Int64(OnnxFields.AttributeType, OnnxFields.AttributeTypeFloat);

    /// <summary>An input or output: the batch by name, the other sizes as numbers.</summary>
    private static ProtoMessage Value(string name, params int[] sizes)
    {
        var shape = new ProtoMessage().Message(OnnxFields.ShapeDimension,
            new ProtoMessage().Text(OnnxFields.DimensionName, BatchName));
        foreach (var size in sizes)
        {
            shape.Message(OnnxFields.ShapeDimension,
                new ProtoMessage().Int64(OnnxFields.DimensionValue, size));
        }
        var tensor = new ProtoMessage()
            .Int64(OnnxFields.TensorTypeElement, OnnxFields.DataTypeFloat)
            .Message(OnnxFields.TensorTypeShape, shape);
        return new ProtoMessage()
            .Text(OnnxFields.ValueName, name)
            .Message(OnnxFields.ValueType,
                new ProtoMessage().Message(OnnxFields.TypeTensor, tensor));
    }
}
