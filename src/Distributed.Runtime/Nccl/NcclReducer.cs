using System.Diagnostics;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Devices;
using Distributed.Runtime.SharedMemory;
using Distributed.Torch;

namespace Distributed.Runtime.Nccl;

/// <summary>
/// Sums gradients on the ranks' GPUs, along the run's tree or in NCCL's order. The transport beside
/// it tells who has died or left, and ends what waits here.
/// </summary>
internal sealed class NcclReducer : IDeviceReducer
{
    /// <summary>NCCL may notice sooner than the transport that a rank is gone, but not
    /// which.</summary>
    private static readonly TimeSpan TransportSpeaksFirst = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly ISharingRanks _ranks;
    private readonly NcclGroup _group;
    private readonly int _nodeCount;
    private nint[] _nodes = [];
    private bool _isDisposed;

    /// <param name="ranks">Not owned; outlive this.</param>
    /// <param name="id">The same on all ranks.</param>
    /// <param name="plan">Who contributes which nodes.</param>
    /// <exception cref="TorchException">NCCL cannot begin.</exception>
    public NcclReducer(ISharingRanks ranks, ReadOnlySpan<byte> id, ReductionPlan plan)
    {
        int rank = ranks.Transport.Rank;
        (_ranks, _nodeCount) = (ranks, plan.Locals[rank].Nodes.Count);
        _group = NcclGroup.Create(id, rank, ranks.Transport.Size);
        bool isExact = plan.Order == ReductionOrder.Exact;
        _group.Plan(
            [.. plan.Locals.Select(local => local.Nodes.Count)],
            isExact ? [.. plan.Adds.Select(add => new SlotAddition(add.Target, add.Source))] : []);
        _ranks.Disturbed += Abort;
        // Of what happened before that nobody was told.
        if (ranks.Failure() is not null)
            Abort();
    }

    /// <summary>Nothing that the host can read.</summary>
    public Memory<byte> Output => default;

    /// <summary>Waits until all ranks have come.</summary>
    /// <exception cref="TorchException">They do not, or NCCL fails.</exception>
    /// <exception cref="CollectiveCancelledException">The transport was cancelled.</exception>
    /// <exception cref="PeerLostException">A peer is gone.</exception>
    public void Connect(TimeSpan timeout)
    {
        try
        {
            _group.Connect(timeout);
        }
        catch (TorchException failure) when (failure.Code == TorchErrorCode.Aborted)
        {
            throw Explain(failure);
        }
    }

    public void Bind(IReadOnlyList<nint> nodes)
    {
        Invariant.Check(nodes.Count == _nodeCount, "a rank binds the nodes that it contributes");
        _nodes = [.. nodes];
    }

    public void Reduce(long step, int bucket, long offset, long length)
    {
        try
        {
            _group.Reduce(_nodes, ElementType.Float32, offset, length);
        }
        catch (TorchException failure)
        {
            throw Explain(failure);
        }
    }

    public void EndStep()
    {
        try
        {
            _group.Finish();
        }
        catch (TorchException failure)
        {
            throw Explain(failure);
        }
    }

    /// <summary>When it returns, the nodes are not in use any more.</summary>
    public void Dispose()
    {
        _ranks.Disturbed -= Abort;
        lock (_gate)
            _isDisposed = true;
        _group.Dispose();
    }

    private void Abort()
    {
        lock (_gate)
        {
            if (!_isDisposed)
                _group.Abort();
        }
    }

    private Exception Explain(TorchException failure)
    {
        if (failure.Code is not (TorchErrorCode.Aborted or TorchErrorCode.NcclError))
            return failure;
        long asked = Stopwatch.GetTimestamp();
        do
        {
            if (_ranks.Failure() is { } cause)
                return Failures.Again(cause);
            Thread.Sleep(millisecondsTimeout: 10);
        }
        while (Stopwatch.GetElapsedTime(asked) < TransportSpeaksFirst);
        return new DeviceException(
            $"gradients cannot be summed over NCCL: {failure.Message}; expected working links "
            + "between the GPUs; set NCCL_DEBUG=INFO to see more, or use --transport shm");
    }
}
