using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Torch;

namespace Distributed.Training.Step;

/// <summary>
/// One rank's place in a generation: its shards, its gradient buffers, and the all-reduce that
/// connects it to the others (none where it is alone). Owns the transport and the resident
/// buffers, not the session's.
/// </summary>
internal sealed unsafe class RankPlace : IDisposable
{
    private readonly ITransport? _transport;
    private readonly IResidentBuffers? _resident;
    private readonly IDeviceReducer? _onDevice;
    private readonly NativeBuffer[] _lent = [];
    private readonly IDisposable?[] _pins = [];
    private readonly int _rankCount;

    /// <param name="plan">The generation's reduction.</param>
    /// <param name="rank">This rank.</param>
    /// <param name="engine">Computes; says which buckets a gradient has.</param>
    /// <param name="buffers">As many gradient buffers as <see cref="BuffersNeeded"/> says, or
    /// more.</param>
    /// <param name="scope">Stamped on every frame.</param>
    /// <param name="frames">How gradients travel that are not resident.</param>
    /// <param name="transport">Connects the ranks; null where there is one.</param>
    /// <param name="resident">What all ranks have mapped; null where they send frames.</param>
    /// <param name="onDevice">Sums gradients that stay on the engine's device; null where they come
    /// to the host.</param>
    public RankPlace(
        ReductionPlan plan, int rank, IStepEngine engine, IReadOnlyList<NativeBuffer> buffers,
        CollectiveScope scope, FrameReducer frames, ITransport? transport,
        IResidentBuffers? resident, IDeviceReducer? onDevice = null)
    {
        Invariant.Check(
            transport is not null || plan.Map.RankCount == 1, "several ranks need a transport");
        _transport = transport;
        _resident = resident;
        _onDevice = onDevice;
        _rankCount = plan.Map.RankCount;
        ModelLayout model = engine.Layout;
        Rank = rank;
        Scope = scope;
        Local = plan.Grouped(rank, model.ShardsMax);
        LastShard = plan.Map.Ranges[rank].End - 1;
        if (resident is not null)
        {
            _lent = [.. resident.Nodes.Select(node => new NativeBuffer(node))];
            _pins = [.. _lent.Select(engine.Pin)];
        }

        Buffers = onDevice is null ? Place(buffers) : [];
        if (transport is null)
            return;
        AllReduce = new AdaptiveAllReduce(
            BindOnDevice(engine) ?? resident ?? frames.Create(transport, plan, Lent(), scope),
            [.. model.Buckets.Select(bucket => new BucketExtent(bucket.Offset, bucket.Length))],
            transport, scope);
    }

    public int Rank { get; }

    public CollectiveScope Scope { get; }

    /// <summary>The order of this rank's shards and additions.</summary>
    public LocalReduction Local { get; }

    public int LastShard { get; }

    /// <summary>None where gradients stay on a device.</summary>
    public NativeBuffer[] Buffers { get; }

    /// <summary>Where gradients stay on a device; null else.</summary>
    public IDeviceGradients? OnDevice { get; private set; }

    /// <summary>The buffer that receives the sum of all ranks.</summary>
    public int SumBuffer => Local.NodeBuffers[0];

    public AdaptiveAllReduce? AllReduce { get; }

    /// <summary>
    /// How many buffers of its own a session needs: what the others read lies elsewhere where it
    /// is resident.
    /// </summary>
    public static int BuffersNeeded(LocalReduction local, IResidentBuffers? resident) =>
        local.BufferCount - (resident is null ? 0 : local.Nodes.Count);

    /// <summary>The test batches of a rank: from First up to, not including, End.</summary>
    public (int First, int End) TestShare(int rank, int batchCount) =>
        ((int)((long)batchCount * rank / _rankCount),
            (int)((long)batchCount * (rank + 1) / _rankCount));

    /// <summary>This rank's test batches and those of all others, in order.</summary>
    public EvaluatedBatch[] Gather(long step, int batchCount, EvaluatedBatch[] own)
    {
        if (_transport is null)
            return own;
        var results = new EvaluatedBatch[batchCount];
        own.CopyTo(results, TestShare(Rank, batchCount).First);
        new TestTally(_transport, Scope, step).Exchange(
            results, rank => TestShare(rank, batchCount));
        return results;
    }

    /// <summary>Wakes whoever waits for a peer. When it returns, no buffer is in use.</summary>
    public void Dispose()
    {
        _transport?.Cancel("the rank left its place");
        AllReduce?.Dispose();
        Array.ForEach(_pins, pin => pin?.Dispose());
        Array.ForEach(_lent, buffer => buffer.Dispose());
        _resident?.Dispose();
        _onDevice?.Dispose();
        _transport?.Dispose();
    }

    private IBucketReducer? BindOnDevice(IStepEngine engine)
    {
        if (_onDevice is null)
            return null;
        OnDevice = engine as IDeviceGradients;
        Invariant.Check(OnDevice is not null, "an engine that sums on a device is on one");
        _onDevice.Bind([.. Local.NodeBuffers.Select(OnDevice.AddressOf)]);
        return _onDevice;
    }

    /// <summary>Resident memory for the nodes, if there is any, and the session's else.</summary>
    private NativeBuffer[] Place(IReadOnlyList<NativeBuffer> own)
    {
        var placed = new NativeBuffer[Local.BufferCount];
        for (int node = 0; node < _lent.Length; node++)
            placed[Local.NodeBuffers[node]] = _lent[node];
        int next = 0;
        for (int buffer = 0; buffer < placed.Length; buffer++)
            placed[buffer] ??= own[next++];
        return placed;
    }

    private Memory<byte>[] Lent() =>
    [
        .. Buffers.Select(buffer => new UnmanagedMemory(
            (nint)buffer.Pointer, checked((int)buffer.ByteLength)).Memory),
    ];
}
