using System.Text.Json;

namespace Distributed.Cli.Bench.Step;

/// <summary>
/// A coordinator and workers on hosts of their own, started by a launcher. They stay up from round
/// to round; each round is a job.
/// </summary>
internal sealed class OurCluster : IAsyncDisposable
{
    private readonly List<LineProcess> _nodes = [];

    private OurCluster(string launcher)
    {
        Launcher = launcher;
    }

    /// <summary>Words in front of what runs elsewhere; the coordinator is at rank 0.</summary>
    public string Launcher { get; }

    /// <summary>host:port of the coordinator.</summary>
    public string Address { get; private set; } = "";

    /// <param name="options">Its hosts say where each worker listens; the coordinator is on the
    /// first one.</param>
    /// <param name="folder">For what the nodes write.</param>
    /// <param name="cancellation">Ends the start.</param>
    public static async Task<OurCluster> StartAsync(
        StepOptions options, string folder, CancellationToken cancellation)
    {
        var cluster = new OurCluster(options.Launcher);
        try
        {
            LineProcess coordinator = cluster.Start(
                "coordinator", 0, options.HostOf(0), "0",
                $"coordination.store={Path.Combine(folder, "cluster.db")}",
                $"training.runs-folder={folder}", "pbm.port=0",
                $"training.min-workers={options.Hosts.Count}");
            string listening = await coordinator.ReadAsync(cancellation);
            using JsonDocument said = JsonDocument.Parse(listening);
            cluster.Address = said.RootElement.GetProperty("address").GetString()!;
            for (int worker = 0; worker < options.Hosts.Count; worker++)
            {
                cluster.Start(
                    "worker", worker, options.HostOf(worker), options.PortOf(worker),
                    $"cluster.seed-nodes=[\"{cluster.Address}\"]");
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (LineProcess node in Enumerable.Reverse(_nodes))
            await node.DisposeAsync();
    }

    private LineProcess Start(
        string kind, int rank, string host, string port, params string[] settings)
    {
        string[] all =
        [
            $"remote.hostname={host}", $"remote.port={port}", "training.termination-grace=2s",
            .. settings,
        ];
        LineProcess node = LineProcess.Start(LineProgram.Self(
            kind,
            [
                kind, Commands.NodeCommandLines.SupervisedFlag,
                .. all.SelectMany(setting => new[] { "--set", setting }),
            ]).Behind(Launcher, rank));
        _nodes.Add(node);
        return node;
    }
}
