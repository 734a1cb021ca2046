using System.Text.RegularExpressions;
using Distributed.Kernel;
using Distributed.Telemetry.Wire;
using Distributed.Telemetry.Wire.Graph;
using Google.Protobuf;

namespace Distributed.Telemetry;

/// <summary>
/// Makes one encoded <c>tensorflow.GraphDef</c>, which TensorBoard shows as a model. Not for
/// several threads at once.
/// </summary>
public sealed partial class GraphBuilder
{
    /// <summary>TensorFlow's graphs have had this form since 1.15.</summary>
    private const int Producer = 134;

    private readonly GraphDef graph = new() { Versions = new VersionDef { Producer = Producer } };
    private readonly HashSet<string> names = [];

    /// <param name="name">Parts before a slash are boxes around the node.</param>
    /// <param name="op">What it does, such as Conv2D.</param>
    /// <param name="inputs">Names of nodes that are there already.</param>
    /// <param name="outputShape">-1 stands for a size that is open, such as the batch.</param>
    /// <param name="attributes">Values are text, whole numbers, numbers, flags, or several whole
    /// numbers.</param>
    public GraphBuilder Node(
        string name, string op, IReadOnlyList<string> inputs, IReadOnlyList<int> outputShape,
        params IReadOnlyList<(string Name, object Value)> attributes)
    {
        Invariant.Check(IsName(name), $"'{name}' is the name of a node");
        Invariant.Check(names.Add(name), $"{name} is added once");
        Invariant.Check(
            inputs.All(names.Contains),
            $"{name} has inputs that are there: {string.Join(", ", inputs)}");
        var node = new NodeDef { Name = name, Op = op };
        node.Input.AddRange(inputs);
        var shape = new TensorShapeProto();
        shape.Dim.AddRange(
            outputShape.Select(size => new TensorShapeProto.Types.Dim { Size = size }));
        node.Attr["_output_shapes"] = new AttrValue
        {
            List = new AttrValue.Types.ListValue { Shape = { shape } },
        };
        foreach (var (key, value) in attributes)
        {
            node.Attr[key] = ToWire(value);
        }
        graph.Node.Add(node);
        return this;
    }

    public byte[] ToBytes() => graph.ToByteArray();

    /// <summary>A name that TensorFlow allows, like this one.</summary>
    public static string NameLike(string text)
    {
        var name = OddCharacter().Replace(text, "_");
        return IsName(name) ? name : $"n{name}";
    }

    internal static bool IsName(string name) => NodeName().IsMatch(name);

    private static AttrValue ToWire(object value) => value switch
    {
        string text => new AttrValue { S = ByteString.CopyFromUtf8(text) },
        int number => new AttrValue { I = number },
        long number => new AttrValue { I = number },
        double number => new AttrValue { F = (float)number },
        bool flag => new AttrValue { B = flag },
        IReadOnlyList<int> numbers => new AttrValue
        {
            List = new AttrValue.Types.ListValue { I = { numbers.Select(number => (long)number) } },
        },
        _ => throw new ArgumentException($"an attribute can not be a {value.GetType()}"),
    };

    [GeneratedRegex(@"^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*\z")]
    private static partial Regex NodeName();

    [GeneratedRegex("[^A-Za-z0-9_./-]")]
    private static partial Regex OddCharacter();
}
