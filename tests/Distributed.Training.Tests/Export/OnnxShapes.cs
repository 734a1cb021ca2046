namespace Distributed.Training.Tests.Export;

/// <summary>Works out the shapes of a graph by ONNX's rules, one sample at a time.</summary>
internal sealed class OnnxShapes
{
    private readonly OnnxReader graph;
    private readonly Dictionary<string, long[]> shapes = [];

    public OnnxShapes(OnnxReader graph)
    {
        this.graph = graph;
        shapes[graph.Input.Name] = [.. graph.Input.Shape.Skip(1).Cast<long>()];
    }

    public long[] Of(string name) => shapes[name];

    public void Run()
    {
        foreach (var node in graph.Nodes)
            Assert.True(shapes.TryAdd(node.Output, Shape(node)), $"{node.Output} made twice");
    }

    private long[] Shape(OnnxNode node)
    {
        var input = shapes[node.Inputs[0]];
        switch (node.Operator)
        {
            case "Conv":
                var weight = Tensor(node, 1);
                Assert.Equal(input[0], weight[1] * node.Integers["group"][0]);
                Assert.Equal(node.Integers["kernel_shape"], weight[2..]);
                if (node.Inputs.Count > 2)
                    Assert.Equal([weight[0]], Tensor(node, 2));
                return [weight[0], .. Slide(input, node)];
            case "BatchNormalization":
                Assert.Equal(5, node.Inputs.Count);
                for (var index = 1; index < 5; index++)
                    Assert.Equal([input[0]], Tensor(node, index));
                Assert.True(node.Floats["epsilon"] > 0);
                return input;
            case "MaxPool" or "AveragePool":
                return [input[0], .. Slide(input, node)];
            case "GlobalAveragePool":
                return [input[0], 1, 1];
            case "Flatten":
                Assert.Equal([1], node.Integers["axis"]);
                return [input.Aggregate(1L, (product, size) => product * size)];
            case "Gemm":
                var matrix = Tensor(node, 1);
                Assert.Equal([1], node.Integers["transB"]);
                Assert.Equal([matrix[1]], input);
                return [matrix[0]];
            case "Add" or "Mul":
                var other = shapes.GetValueOrDefault(node.Inputs[1]) ?? Tensor(node, 1);
                Assert.True(other.Length == 0 || other.SequenceEqual(input));
                return input;
            case "Relu" or "Erf" or "Identity":
                return input;
            default:
                throw new NotSupportedException(node.Operator);
        }
    }

    private long[] Tensor(OnnxNode node, int index) => graph.Initializers[node.Inputs[index]].Shape;

    private static IEnumerable<long> Slide(long[] input, OnnxNode node)
    {
        for (var axis = 0; axis < 2; axis++)
        {
            var pads = node.Integers["pads"];
            var whole = input[axis + 1] + pads[axis] + pads[axis + 2];
            var kernel = node.Integers["kernel_shape"][axis];
            yield return ((whole - kernel) / node.Integers["strides"][axis]) + 1;
        }
    }
}
