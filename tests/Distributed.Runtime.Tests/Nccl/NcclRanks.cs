using Distributed.Collectives.Reduction;
using Distributed.Runtime.Nccl;
using Distributed.Runtime.SharedMemory;
using Distributed.Runtime.Tests.DataPlane;
using Distributed.Runtime.Tests.SharedMemory;
using Distributed.Torch;

namespace Distributed.Runtime.Tests.Nccl;

/// <summary>Ranks in one process, each with its transport and, if they agree on it, its reducer
/// over the fake.</summary>
internal sealed class NcclRanks : IAsyncDisposable
{
    private readonly SharedMemoryRanks _ranks;
    private readonly List<NativeBuffer> _nodes = [];
    private readonly List<string> _decided = [];

    public NcclRanks(ReductionPlan plan)
    {
        Plan = plan;
        _ranks = new SharedMemoryRanks(plan.Map.RankCount, ringBytes: 1 << 13);
        Open();
    }

    public ReductionPlan Plan { get; }

    public SharedMemoryTransport[] Transports { get; private set; } = [];

    /// <summary>By rank; null where gradients travel otherwise.</summary>
    public NcclReducer?[] Reducers { get; private set; } = [];

    public string[] Decided
    {
        get
        {
            lock (_decided) return [.. _decided];
        }
    }

    public static NcclOffer Gpu(int number) => new($"GPU-{number}", FakeNccl.Version, "");

    /// <summary>On all ranks, with a GPU each.</summary>
    public static async Task<NcclRanks> OpenAsync(ReductionPlan plan)
    {
        var ranks = new NcclRanks(plan);
        await ranks.ExchangeAsync(Gpu, isAskedFor: true);
        return ranks;
    }

    /// <summary>What the ranks of a new generation do; where one fails, the others are
    /// told.</summary>
    public Task ExchangeAsync(Func<int, NcclOffer> offer, bool isAskedFor) => OnAllAsync(
        rank => Reducers[rank] = new NcclExchange(Transports[rank], Plan, text =>
        {
            lock (_decided) _decided.Add(text);
        }).TryOpen(offer(rank), isAskedFor));

    /// <summary>Memory that does not move, one for each node of a rank.</summary>
    public IReadOnlyList<Memory<byte>> NodesOf(int rank, int length)
    {
        NativeBuffer[] nodes =
        [
            .. Plan.Locals[rank].Nodes.Select(_ => new NativeBuffer(length * sizeof(float))),
        ];
        lock (_nodes)
            _nodes.AddRange(nodes);
        unsafe
        {
            Reducers[rank]!.Bind([.. nodes.Select(node => (nint)node.Pointer)]);
            return
            [
                .. nodes.Select(node => new Collectives.Transport.UnmanagedMemory(
                    (nint)node.Pointer, (int)node.ByteLength).Memory),
            ];
        }
    }

    /// <summary>Leaves the generation and begins the next, as after a failure.</summary>
    public async Task RegroupAsync(int generation)
    {
        await CloseAsync();
        Open(generation);
    }

    public Task OnAllAsync(Action<int> body) => TransportCluster.OnAllAsync(Transports, body);

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        _nodes.ForEach(node => node.Dispose());
        await _ranks.DisposeAsync();
    }

    private void Open(int generation = 0)
    {
        Transports = [.. _ranks.OpenAll(generation).Cast<SharedMemoryTransport>()];
        Reducers = new NcclReducer?[_ranks.Size];
    }

    private async Task CloseAsync()
    {
        foreach (SharedMemoryTransport transport in Transports)
            transport.Cancel("the test is over");
        foreach (NcclReducer? reducer in Reducers)
            reducer?.Dispose();
        await TransportCluster.DisposeAllAsync(Transports);
    }
}
