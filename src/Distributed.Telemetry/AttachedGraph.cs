using Distributed.Telemetry.Wire.Graph;
using Google.Protobuf;

namespace Distributed.Telemetry;

/// <summary>A model that came from another process, as TensorBoard can show it.</summary>
public sealed class AttachedGraph
{
    public const int BytesMax = 1 << 24, NodesMax = 1 << 16;

    private static readonly MessageParser<GraphDef> Parser =
        GraphDef.Parser.WithDiscardUnknownFields(true);

    private AttachedGraph(ByteString bytes) => Bytes = bytes;

    internal ByteString Bytes { get; }

    /// <summary>The graph, or what is wrong with it.</summary>
    public static (AttachedGraph? Graph, string? Problem) Parse(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length > BytesMax)
        {
            return (null, $"a graph of {bytes.Length} bytes, {BytesMax} at most");
        }
        GraphDef graph;
        try
        {
            graph = Parser.ParseFrom(bytes.Span);
        }
        catch (InvalidProtocolBufferException malformed)
        {
            return (null, $"no graph ({malformed.Message})");
        }
        if (graph.Node.Count is 0 or > NodesMax)
        {
            return (null, $"a graph of {graph.Node.Count} nodes, 1 to {NodesMax} expected");
        }
        var names = new HashSet<string>();
        foreach (var node in graph.Node)
        {
            if (!GraphBuilder.IsName(node.Name) || !names.Add(node.Name))
            {
                return (null, "a graph with a node that has no name of its own");
            }
        }
        return graph.Node.SelectMany(node => node.Input).All(names.Contains)
            ? (new AttachedGraph(graph.ToByteString()), null)
            : (null, "a graph with an input that is no node");
    }
}
