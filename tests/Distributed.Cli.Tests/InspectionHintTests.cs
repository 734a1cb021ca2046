using Distributed.Cli.Nodes;
using Distributed.Cli.Output;

namespace Distributed.Cli.Tests;

/// <summary>Goal: what a command prints of its cluster can be opened as it is printed.</summary>
public sealed class InspectionHintTests
{
    private static readonly ListeningNode s_node =
        new("127.0.0.1:1", "127.0.0.1:2", "http://127.0.0.1:3/", "");

    [Fact]
    public void ADashboardBehindATokenIsNamedWithTheWayIn()
    {
        Assert.EndsWith(
            "the dashboard is at http://127.0.0.1:3/", InspectionHint.For(s_node),
            StringComparison.Ordinal);
        Assert.Contains(
            "http://127.0.0.1:3/?token=TOKEN", InspectionHint.For(
                s_node with { AsksForToken = true }),
            StringComparison.Ordinal);
    }
}
