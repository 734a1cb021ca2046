using Distributed.Training.Export;
using Google.Protobuf;

namespace Distributed.Training.Tests.Export;

internal sealed record OnnxNode(
    string Operator, IReadOnlyList<string> Inputs, string Output,
    IReadOnlyDictionary<string, long[]> Integers, IReadOnlyDictionary<string, float> Floats);

internal sealed record OnnxTensor(string Name, long[] Shape, byte[] Data);

/// <summary>
/// Reads back what the exporter may write, and nothing else: any other field, type or version is
/// an error.
/// </summary>
internal sealed class OnnxReader
{
    public List<OnnxNode> Nodes { get; } = [];

    public Dictionary<string, OnnxTensor> Initializers { get; } = [];

    public Dictionary<string, string> Metadata { get; } = [];

    public (string Name, List<object> Shape) Input { get; private set; }

    public (string Name, List<object> Shape) Output { get; private set; }

    public static OnnxReader Read(byte[] bytes)
    {
        var reader = new OnnxReader();
        var seen = new List<int>();
        Fields(bytes, (number, input) =>
        {
            seen.Add(number);
            switch (number)
            {
                case OnnxFields.ModelIrVersion: Assert.Equal(7, input.ReadInt64()); break;
                case OnnxFields.ModelProducerName: input.ReadString(); break;
                case OnnxFields.ModelGraph: reader.Graph(Bytes(input)); break;
                case OnnxFields.ModelOpsetImport:
                    Fields(Bytes(input), (field, inner) =>
                    {
                        Assert.Equal(OnnxFields.OpsetVersion, field);
                        Assert.Equal(13, inner.ReadInt64());
                    });
                    break;
                case OnnxFields.ModelMetadata: reader.Entry(Bytes(input)); break;
                default: Assert.Fail($"model field {number}"); break;
            }
        });
        Assert.Equal([1, 2, 7, 8], seen.Distinct().Order().Where(number => number != 14));
        return reader;
    }

    private void Entry(byte[] bytes)
    {
        string key = "", value = "";
        Fields(bytes, (number, input) =>
        {
            if (number == OnnxFields.EntryKey)
                key = input.ReadString();
            else
                value = input.ReadString();
        });
        Metadata.Add(key, value);
    }

    private void Graph(byte[] bytes) => Fields(bytes, (number, input) =>
    {
        switch (number)
        {
            case OnnxFields.GraphName: Assert.NotEmpty(input.ReadString()); break;
            case OnnxFields.GraphNode: Nodes.Add(Node(Bytes(input))); break;
            case OnnxFields.GraphInitializer:
                var tensor = Tensor(Bytes(input));
                Initializers.Add(tensor.Name, tensor);
                break;
            case OnnxFields.GraphInput: Input = Value(Bytes(input)); break;
            case OnnxFields.GraphOutput: Output = Value(Bytes(input)); break;
            default: Assert.Fail($"graph field {number}"); break;
        }
    });

    private static OnnxNode Node(byte[] bytes)
    {
        var inputs = new List<string>();
        string output = "", operation = "";
        var integers = new Dictionary<string, long[]>();
        var floats = new Dictionary<string, float>();
        Fields(bytes, (number, input) =>
        {
            switch (number)
            {
                case OnnxFields.NodeInput: inputs.Add(input.ReadString()); break;
                case OnnxFields.NodeOutput: output = input.ReadString(); break;
                case OnnxFields.NodeName: input.ReadString(); break;
                case OnnxFields.NodeOperator: operation = input.ReadString(); break;
                case OnnxFields.NodeAttribute: Attribute(Bytes(input), integers, floats); break;
                default: Assert.Fail($"node field {number}"); break;
            }
        });
        return new OnnxNode(operation, inputs, output, integers, floats);
    }

    private static void Attribute(
        byte[] bytes, Dictionary<string, long[]> integers, Dictionary<string, float> floats)
    {
        var name = "";
        var values = new List<long>();
        float? single = null;
        long type = 0;
        Fields(bytes, (number, input) =>
        {
            switch (number)
            {
                case OnnxFields.AttributeName: name = input.ReadString(); break;
                case OnnxFields.AttributeFloat: single = input.ReadFloat(); break;
                case OnnxFields.AttributeInt or OnnxFields.AttributeInts:
                    values.Add(input.ReadInt64());
                    break;
                case OnnxFields.AttributeType: type = input.ReadInt64(); break;
                default: Assert.Fail($"attribute field {number}"); break;
            }
        });
        if (type == OnnxFields.AttributeTypeFloat)
            floats.Add(name, single!.Value);
        else
            integers.Add(name, [.. values]);
    }

    private static OnnxTensor Tensor(byte[] bytes)
    {
        var shape = new List<long>();
        var name = "";
        byte[] data = [];
        Fields(bytes, (number, input) =>
        {
            switch (number)
            {
                case OnnxFields.TensorDimensions: shape.Add(input.ReadInt64()); break;
                case OnnxFields.TensorDataType: Assert.Equal(1, input.ReadInt64()); break;
                case OnnxFields.TensorName: name = input.ReadString(); break;
                case OnnxFields.TensorRawData: data = Bytes(input); break;
                default: Assert.Fail($"tensor field {number}"); break;
            }
        });
        Assert.Equal(data.Length, 4 * shape.Aggregate(1L, (product, size) => product * size));
        return new OnnxTensor(name, [.. shape], data);
    }

    private static (string Name, List<object> Shape) Value(byte[] bytes)
    {
        var name = "";
        var sizes = new List<object>();
        void dimension(int number, CodedInputStream input) => sizes.Add(
            number == OnnxFields.DimensionValue ? input.ReadInt64() : input.ReadString());
        void tensor(int number, CodedInputStream input)
        {
            if (number == OnnxFields.TensorTypeElement)
                Assert.Equal(1, input.ReadInt64());
            else
                Fields(Bytes(input), (_, shape) => Fields(Bytes(shape), dimension));
        }
        Fields(bytes, (number, input) =>
        {
            if (number == OnnxFields.ValueName)
                name = input.ReadString();
            else
                Fields(Bytes(input), (_, type) => Fields(Bytes(type), tensor));
        });
        return (name, sizes);
    }

    private static byte[] Bytes(CodedInputStream input) => input.ReadBytes().ToByteArray();

    private static void Fields(byte[] bytes, Action<int, CodedInputStream> read)
    {
        using var input = new CodedInputStream(bytes);
        uint tag;
        while ((tag = input.ReadTag()) != 0)
            read(WireFormat.GetTagFieldNumber(tag), input);
    }
}
