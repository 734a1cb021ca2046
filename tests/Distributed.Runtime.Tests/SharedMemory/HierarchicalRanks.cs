using Distributed.Collectives.Reduction;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.SharedMemory;
using Distributed.Runtime.Tests.DataPlane;

namespace Distributed.Runtime.Tests.SharedMemory;

/// <summary>
/// Ranks in one process as if on several hosts: those of one host have a folder for shared memory
/// of their own, and all are connected by gRPC.
/// </summary>
internal sealed class HierarchicalRanks : IAsyncDisposable
{
    private readonly TransportCluster _cluster;
    private readonly string[] _directories;
    private readonly List<string> _warnings = [];
    private int _generation = -1;

    private HierarchicalRanks(TransportCluster cluster, HostGroup[] hosts)
    {
        (_cluster, Hosts, Size) = (cluster, hosts, hosts[^1].End);
        _directories = [.. hosts.Select(_ => SharedMemoryRanks.NewDirectory())];
        Buffers = new HierarchicalBuffers?[Size];
    }

    public HostGroup[] Hosts { get; }

    public int Size { get; }

    public GrpcTransport[] Transports { get; private set; } = [];

    /// <summary>By rank; null where no host shares memory.</summary>
    public HierarchicalBuffers?[] Buffers { get; }

    public DataPlaneServer[] Servers => _cluster.Servers;

    public string[] Warnings
    {
        get
        {
            lock (_warnings) return [.. _warnings];
        }
    }

    public static async Task<HierarchicalRanks> StartAsync(params int[] ranksPerHost)
    {
        var hosts = new HostGroup[ranksPerHost.Length];
        for (var host = 0; host < hosts.Length; host++)
            hosts[host] = new HostGroup(host == 0 ? 0 : hosts[host - 1].End, ranksPerHost[host]);
        return new HierarchicalRanks(await TransportCluster.StartAsync(hosts[^1].End), hosts);
    }

    /// <summary>With a plan in which every rank has one node.</summary>
    public static async Task<HierarchicalRanks> OpenAsync(long elements, params int[] ranksPerHost)
    {
        var ranks = await StartAsync(ranksPerHost);
        await ranks.OpenAsync(ResidentRanks.Plain(ranks.Size), elements);
        return ranks;
    }

    public string DirectoryOf(int rank) =>
        _directories[Array.FindIndex(Hosts, host => rank < host.End)];

    /// <summary>Begins the next generation, in which all ranks map their buffers.</summary>
    public async Task OpenAsync(
        ReductionPlan plan, long elements, FrameReducer frames = default)
    {
        await CloseAsync();
        _generation++;
        Transports = _cluster.OpenAll(_generation);
        await OnAllAsync(rank => Buffers[rank] = HierarchicalBuffers.TryOpen(
            Transports[rank], plan, Hosts, [.. Enumerable.Repeat(Environment.ProcessId, Size)],
            DirectoryOf(rank), new CollectiveScope(TransportCluster.Job, _generation), frames,
            elements, text =>
            {
                lock (_warnings) _warnings.Add(text);
            }));
    }

    /// <summary>Where one rank fails, the others do not wait for it.</summary>
    public Task OnAllAsync(Action<int> body) => TransportCluster.OnAllAsync(Transports, body);

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await _cluster.DisposeAsync();
        foreach (var directory in _directories)
            Directory.Delete(directory, recursive: true);
    }

    private async Task CloseAsync()
    {
        foreach (var transport in Transports)
            transport.Cancel("the test is over");
        foreach (var buffers in Buffers)
            buffers?.Dispose();
        await TransportCluster.DisposeAllAsync(Transports);
    }
}
