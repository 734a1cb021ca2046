using System.Runtime.InteropServices;
using Distributed.Collectives.Reduction;
using Distributed.Runtime.SharedMemory;
using Distributed.Runtime.Tests.DataPlane;

namespace Distributed.Runtime.Tests.SharedMemory;

/// <summary>Ranks in one process, each with its transport and the nodes that all have
/// mapped.</summary>
internal sealed class ResidentRanks : IAsyncDisposable
{
    private readonly SharedMemoryRanks _ranks;
    private readonly List<string> _warnings = [];

    private ResidentRanks(SharedMemoryRanks ranks, ReductionPlan plan)
    {
        (_ranks, Plan) = (ranks, plan);
        Transports = [.. ranks.OpenAll().Cast<SharedMemoryTransport>()];
        Buffers = new ResidentBuffers?[ranks.Size];
    }

    public ReductionPlan Plan { get; }

    public SharedMemoryTransport[] Transports { get; }

    /// <summary>By rank; null where there was no room.</summary>
    public ResidentBuffers?[] Buffers { get; }

    public string[] Files => _ranks.Files;

    public string[] Warnings
    {
        get
        {
            lock (_warnings) return [.. _warnings];
        }
    }

    /// <summary>A plan in which every rank has one node.</summary>
    public static ReductionPlan Plain(int ranks) =>
        ReductionPlan.Create(ShardMap.Even(8, ranks), ReductionOrder.Fast);

    public static Task<ResidentRanks> OpenAsync(int ranks, long elements) =>
        OpenAsync(Plain(ranks), elements, new SharedMemoryRanks(ranks, ringBytes: 1 << 13));

    public static async Task<ResidentRanks> OpenAsync(
        ReductionPlan plan, long elements, SharedMemoryRanks ranks)
    {
        var opened = new ResidentRanks(ranks, plan);
        await opened.OnAllAsync(rank => opened.Buffers[rank] = ResidentBuffers.TryOpen(
            opened.Transports[rank], plan, elements, text =>
            {
                lock (opened._warnings) opened._warnings.Add(text);
            }));
        return opened;
    }

    public static Span<float> Floats(Memory<byte> bytes) =>
        MemoryMarshal.Cast<byte, float>(bytes.Span);

    /// <summary>Where one rank fails, the others do not wait for it.</summary>
    public Task OnAllAsync(Action<int> body) => TransportCluster.OnAllAsync(Transports, body);

    public async ValueTask DisposeAsync()
    {
        foreach (var transport in Transports)
            transport.Cancel("the test is over");
        foreach (var buffers in Buffers)
            buffers?.Dispose();
        await TransportCluster.DisposeAllAsync(Transports);
        await _ranks.DisposeAsync();
    }
}
