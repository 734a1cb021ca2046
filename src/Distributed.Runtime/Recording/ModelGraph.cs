using Distributed.Telemetry;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Recording;

/// <summary>A network as TensorBoard's graph: a box for each named layer and block.</summary>
public static class ModelGraph
{
    private const int AnyBatch = -1;

    /// <summary>Null where the dataset's images and classes are not known without it.</summary>
    public static byte[]? TryOf(RunSpec spec) =>
        DatasetFacts.Known(spec.Dataset) is { } known
            ? Of(Network.Resolve(spec.Model, known.Image, known.Classes))
            : null;

    /// <summary>One encoded GraphDef.</summary>
    public static byte[] Of(Network network)
    {
        var graph = new GraphBuilder();
        FeatureShape input =
            FeatureShape.Spatial(
                network.Input.Channels, network.Input.Height, network.Input.Width);
        graph.Node("images", "Placeholder", [], Sizes(input));
        graph.Node("labels", "Placeholder", [], [AnyBatch]);
        string logits = Layers(graph, network.Layers, scope: "", "images");
        graph.Node(
            "loss", "SparseSoftmaxCrossEntropyWithLogits", [logits, "labels"], [AnyBatch]);
        return graph.ToBytes();
    }

    /// <summary>Adds layers one after the other; returns the last one's node.</summary>
    private static string Layers(
        GraphBuilder graph, IReadOnlyList<ResolvedLayer> layers, string scope, string input)
    {
        for (int place = 0; place < layers.Count; place++)
        {
            ResolvedLayer layer = layers[place];
            string name = layer.Spec is NamedLayerSpec named
                ? scope + GraphBuilder.NameLike(named.Name)
                : $"{scope}{LayerWords.KindOf(layer.Spec)}_{place}";
            input = layer.Spec is ResidualLayer
                ? Residual(graph, layer, name, input)
                : Layer(graph, layer, name, input);
        }

        return input;
    }

    private static string Residual(
        GraphBuilder graph, ResolvedLayer layer, string name, string input)
    {
        string branch = Layers(graph, layer.Branch, $"{name}/", input);
        string shortcut = Layers(graph, layer.Shortcut, $"{name}/shortcut/", input);
        graph.Node($"{name}/add", "AddV2", [branch, shortcut], Sizes(layer.Output));
        return $"{name}/add";
    }

    private static string Layer(
        GraphBuilder graph, ResolvedLayer layer, string name, string input)
    {
        var inputs = new List<string> { input };
        foreach (NetworkTensor tensor in layer.Tensors)
        {
            string variable = $"{name}/{tensor.Name[(tensor.Name.LastIndexOf('.') + 1)..]}";
            graph.Node(
                variable, "VariableV2", [], tensor.Shape,
                ("trainable", !tensor.IsStatistic), ("elements", tensor.Length));
            inputs.Add(variable);
        }

        (string op, (string, object)[] attributes) = Describe(layer.Spec);
        string node = layer.Spec is NamedLayerSpec ? $"{name}/{op}" : name;
        graph.Node(node, op, inputs, Sizes(layer.Output), attributes);
        return node;
    }

    private static (string Op, (string Name, object Value)[] Attributes) Describe(
        LayerSpec layer) => layer switch
        {
            ConvLayer conv => ("Conv2D",
            [
                ("filters", conv.Filters), ("kernel", Square(conv.Kernel)),
                ("strides", Square(conv.Stride)), ("padding", Square(LayerWords.PaddingOf(conv))),
                ("groups", conv.Groups), ("data_format", "NCHW"),
            ]),
            BatchNormLayer norm => ("FusedBatchNormV3",
                [("epsilon", norm.Epsilon), ("momentum", norm.Momentum)]),
            ReluLayer => ("Relu", []),
            GeluLayer => ("Gelu", []),
            MaxPoolLayer pool => ("MaxPool", Window(pool.Kernel, pool.Stride, pool.Padding)),
            AveragePoolLayer pool => ("AvgPool", Window(pool.Kernel, pool.Stride, pool.Padding)),
            GlobalAveragePoolLayer => ("Mean", []),
            DropoutLayer dropout => ("Dropout", [("rate", dropout.Probability)]),
            FlattenLayer => ("Reshape", []),
            LinearLayer linear => ("MatMul", [("bias", linear.Bias)]),
            _ => (LayerWords.KindOf(layer), []),
        };

    private static (string, object)[] Window(int kernel, int stride, int padding) =>
    [
        ("kernel", Square(kernel)), ("strides", Square(stride)), ("padding", Square(padding)),
    ];

    private static int[] Square(int side) => [side, side];

    private static int[] Sizes(FeatureShape shape) => shape.IsFlat
        ? [AnyBatch, shape.Channels]
        : [AnyBatch, shape.Channels, shape.Height, shape.Width];
}
