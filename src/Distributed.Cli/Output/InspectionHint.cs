using Distributed.Cli.Nodes;

namespace Distributed.Cli.Output;

/// <summary>Says where a cluster that a command has started can be inspected.</summary>
internal static class InspectionHint
{
    public static string For(ListeningNode coordinator) =>
        $"./pbm {coordinator.Pbm} looks inside, from another terminal; "
        + $"the dashboard is at {coordinator.Dashboard}"
        + (coordinator.AsksForToken
            ? "?token=TOKEN, the cluster's token, which a browser has to tell once"
            : "");
}
