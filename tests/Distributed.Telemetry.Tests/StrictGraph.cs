namespace Distributed.Telemetry.Tests;

/// <summary>A model as TensorBoard's graph needs it.</summary>
internal static class StrictGraph
{
    /// <summary>Every node has a name of its own, inputs that are there and one shape.</summary>
    public static void Check(WireFields graph)
    {
        var nodes = graph.Messages(1);
        Assert.NotEmpty(nodes);
        var names = nodes.Select(node => node.Text(1)).ToList();
        Assert.Equal(names.Distinct(), names);
        foreach (var node in nodes)
        {
            Assert.Matches("^[A-Za-z0-9.][A-Za-z0-9_./-]*$", node.Text(1));
            Assert.NotEmpty(node.Text(2));
            Assert.Subset(names.ToHashSet(), node.Texts(3).ToHashSet());
            Assert.Single(node.Messages(5), attribute => attribute.Text(1) == "_output_shapes");
        }
    }

    /// <summary>A line a node: name, what it does, inputs, shape.</summary>
    public static IEnumerable<string> Describe(byte[] graph) =>
        from node in new WireFields(graph).Messages(1)
        let shape = node.Messages(5)
            .Single(attribute => attribute.Text(1) == "_output_shapes")
            .Message(2).Message(1).Message(7)
        let sizes = shape.Messages(2).Select(size => size.Whole(1))
        select $"{node.Text(1)} = {node.Text(2)}({string.Join(", ", node.Texts(3))})"
            + $" [{string.Join(", ", sizes)}]";
}
