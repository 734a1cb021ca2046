using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Devices;
using Distributed.Runtime.Nccl;
using Distributed.Runtime.SharedMemory;
using Distributed.Runtime.Showing;
using Distributed.Runtime.Tracing;
using Distributed.Torch;
using Distributed.Training.Checkpoints;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Runtime.Workers;

/// <summary>
/// One job on this worker's device, from its data to its last checkpoint. The training thread
/// calls it; <see cref="BeginHalt"/> may come from any thread.
/// </summary>
internal sealed class WorkerJob : IDisposable
{
    private readonly Action<TrainingAnswer> _answer;
    private readonly JobDescription _description;
    private readonly RunSpec _spec;
    private readonly DataPlaneHub _hub;
    private readonly SharedMemoryHub _shared;
    private readonly DatasetPair _data;
    private readonly TrainingSession _session;
    private readonly CheckpointWriter _checkpoints;
    private readonly string _gpu;
    private readonly RunShow? _show;
    private readonly StepTelemetry _telemetry;
    private readonly Lock _gate = new();
    private CancellationTokenSource _generation = new();
    private ITransport? _transport;
    private int _haltsPending;
    private bool _isLost;
    private BucketGrouping? _grouping;

    public WorkerJob(
        PrepareJob order, Action<TrainingAnswer> answer, DataPlaneHub hub,
        SharedMemoryHub shared, TimeProvider clock, StepTelemetry telemetry,
        DeviceChooser devices)
    {
        Number = order.Job;
        _telemetry = telemetry;
        _answer = answer;
        _description = order.Description;
        _hub = hub;
        _shared = shared;
        _spec = RunSpecReader.Read(
            order.Description.Specification, order.Description.RunFolder, []);
        DeviceDecision decision = devices.Choose(_spec.Device);
        TorchLibrary.Initialize(_spec.ThreadsPerWorker, decision.Device!);
        if (decision.IsGpu)
            Answer(new TrainingDecided(Number, $"takes {decision.Device}: {decision.Reason}"));
        TorchRuntime runtime = TorchLibrary.Describe();
        Device = runtime.Device;
        _gpu = devices.PlaceOf(Device);
        TrainerDecision trainer = TrainerDecision.Of(_spec.Precision, Device);
        if (trainer.Kind == TrainerKind.Device)
            Answer(new TrainingDecided(Number, trainer.Reason));
        NumericsFingerprint numerics = SessionNumerics.Of(_spec, runtime);
        Numerics = numerics.ToText();
        _data = SpecifiedDataset.Open(_spec.Dataset);
        Network network = Network.Resolve(_spec.Model, _data.Shape, _data.ClassCount);
        _session = new TrainingSession(_spec, network, _data, trainer.Kind);
        _checkpoints = new CheckpointWriter(
            _description.RunFolder, order.Returns, _spec, numerics, _session.State,
            _session.StepsPerEpoch, clock);
        if (order.CheckpointFolder.Length > 0)
            Restore(order, clock);
        if (_spec.TensorBoard != TensorBoardLevel.Scalars)
            _show = new RunShow(Number, _spec, network, _data, _session, _answer);
        _hub.States.Offer(Number, _session.State);
    }

    public ulong Number { get; }

    public long Step => _session.State.Step;

    public string Numerics { get; }

    public string Device { get; }

    public void Answer(TrainingAnswer answer) => _answer(answer);

    /// <summary>
    /// Wakes what waits for a peer, and has no command begin before <see cref="Halt"/>.
    /// </summary>
    public void BeginHalt(string reason)
    {
        ITransport? transport;
        CancellationTokenSource generation;
        lock (_gate)
        {
            _haltsPending++;
            (transport, generation) = (_transport, _generation);
        }

        transport?.Cancel(reason);
        generation.Cancel();
    }

    /// <summary>
    /// The device cannot be used any more: wakes what waits for a peer, and says so once, even
    /// while a command hangs on the device. Any thread may call.
    /// </summary>
    public void Lose(string message)
    {
        lock (_gate)
        {
            if (_isLost)
                return;
            _isLost = true;
        }

        BeginHalt(message);
        Answer(new TrainingFailed(
            Number, new WorkFailure(Blame.Worker, ExitCodes.OperatingError, -1, message)));
    }

    /// <summary>Leaves the generation.</summary>
    public TrainingAnswer Halt(int generation)
    {
        _session.Leave();
        lock (_gate)
        {
            _haltsPending--;
            _transport = null;
            if (_haltsPending == 0)
                _generation = new CancellationTokenSource();
        }

        return new TrainingHalted(Number, generation, Step);
    }

    public TrainingAnswer Join(FormGeneration order)
    {
        CancellationToken cancellation = Begin();
        Generation generation = order.Generation;
        if (generation.Start.Step != Step)
        {
            try
            {
                StateFetch.Run(
                    generation.Start.SourceAddress, _hub.Security, Number, generation.Start.Step,
                    _session.State, cancellation);
            }
            catch (OperationCanceledException)
            {
                throw new CollectiveCancelledException("the generation is over");
            }
        }

        ReductionPlan plan = ReductionPlan.Create(
            generation.Map(_description.LogicalShards), _description.Reduction);
        ITransport? transport = generation.Ranks.Count == 1
            ? null
            : Open(generation, order.Rank);
        lock (_gate)
            _transport = transport;
        if (cancellation.IsCancellationRequested)
            transport?.Cancel("the generation is over");
        string warning = "";
        try
        {
            var scope = new CollectiveScope(Number, generation.Number);
            NcclReducer? nccl = TryNccl(plan, transport);
            IResidentBuffers? resident = nccl is not null
                ? null
                : TryShare(generation, plan, scope, transport, text => warning = text);
            _session.Join(plan, order.Rank, scope, transport, resident, nccl);
            _grouping = _session.Grouping;
            _telemetry.Join(
                scope, _description.Name, order.Rank,
                transport is null ? 0 : _session.State.Model.GradientLength * sizeof(float),
                _session.Reductions);
        }
        catch (Exception failure)
        {
            // Without a wait for peers, who may never take what was sent.
            transport?.Cancel($"it could not take its place: {failure.Message}");
            transport?.Dispose();
            throw;
        }

        _show?.OnJoined(generation.Number, order.Rank);
        return new TrainingJoined(Number, generation.Number, Step, warning);
    }

    public TrainingAnswer RunStep(long step, StepVotes votes, bool hashParameters)
    {
        Begin();
        StepResult result = _session.Step(step, votes.Stop, votes.Yield, votes.Save);
        _show?.OnStep(result.StepMs);
        _telemetry.Stepped(step, result);
        if (_session.Grouping is { } grouping && grouping != _grouping)
        {
            _grouping = grouping;
            Answer(new TrainingDecided(Number, grouping.Reason));
        }

        var record = new StepRecord(
            step, result.Loss, result.Correct, result.Samples, result.LearningRate,
            result.ComputeMs, result.CommunicationMs, result.WaitMs, result.StepMs);
        return new StepDone(
            Number, record, result.StopVotes, result.YieldVotes,
            hashParameters ? _session.State.ParametersSha256() : "", result.SaveVotes);
    }

    public TrainingAnswer Evaluate(int epoch)
    {
        Begin();
        EvaluatedBatch[] results = _show?.Evaluate(epoch) ?? _session.Evaluate();
        (double loss, double accuracy) = _session.EpochSoFar();
        return new EvaluationDone(
            Number, epoch, loss, accuracy,
            [
                .. results.Select(result => new TestBatchResult(
                    result.Batch, result.LossSum, result.Correct, result.Samples)),
            ]);
    }

    /// <summary>
    /// Where this rank is to write, it copies the state and lets training go on while the copy is
    /// written; the answer about that comes from the writer's thread. The hash is taken after the
    /// copy: what happens to the parameters in between shows.
    /// </summary>
    public TrainingAnswer SaveCheckpoint(
        long step, bool write, long stepKept, Func<Exception, TrainingAnswer> failed)
    {
        if (write)
        {
            _checkpoints.Save(
                step, stepKept, path => Answer(new CheckpointDone(Number, step, path)),
                failure => Answer(failed(failure)));
        }

        return new SnapshotTaken(Number, step, _session.State.ParametersSha256());
    }

    /// <summary>The run is over: what is shown of its end comes before the answer.</summary>
    public TrainingAnswer HashParameters()
    {
        _show?.Finish(Begin());
        return new ParametersReady(Number, _session.State.ParametersSha256());
    }

    public void Dispose()
    {
        _hub.States.Withdraw(Number, _session.State);
        _show?.Dispose();
        _checkpoints.Dispose();
        _session.Dispose();
        _data.Dispose();
    }

    /// <summary>What cancels the generation; throws where that has happened already.</summary>
    private CancellationToken Begin()
    {
        lock (_gate)
        {
            return _haltsPending == 0
                ? _generation.Token
                : throw new CollectiveCancelledException("the generation is over");
        }
    }

    /// <summary>All ranks of a generation choose alike, because they see the same ranks.</summary>
    private ITransport Open(Generation generation, int rank)
    {
        bool canShare = Hosts(generation).Count == 1;
        if (_spec.Transport == TransportKind.Shm && !canShare)
        {
            throw new OperatingException(
                "transport shm was asked for, but the workers cannot share memory: expected all "
                + "of them on one machine; use --transport auto or grpc");
        }

        if (_spec.Transport == TransportKind.Nccl && !canShare)
        {
            throw new OperatingException(
                "transport nccl was asked for, but the workers are not all on one machine, or "
                + "cannot share memory there: expected that, because it sums over the GPUs of one "
                + "machine only; use --transport auto or grpc");
        }

        return canShare && _spec.Transport != TransportKind.Grpc
            ? _shared.Open(
                Number, generation.Number, rank,
                [.. generation.Ranks.Select(other => other.Worker.ProcessId)])
            : _hub.Open(
                Number, generation.Number, rank,
                [.. generation.Ranks.Select(other => other.Worker.DataAddress)]);
    }

    /// <summary>
    /// Null where gradients come to the host. All ranks ask alike, because they see the same spec
    /// and the same ranks.
    /// </summary>
    private NcclReducer? TryNccl(ReductionPlan plan, ITransport? transport)
    {
        bool isAskedFor = _spec.Transport == TransportKind.Nccl;
        return transport is SharedMemoryTransport shared
            && (isAskedFor
                || (_spec.Transport == TransportKind.Auto && _spec.Device.Kind != DeviceKind.Cpu))
            ? new NcclExchange(
                shared, plan, text => Answer(new TrainingDecided(Number, text)))
                .TryOpen(OfferNccl(), isAskedFor)
            : null;
    }

    private NcclOffer OfferNccl()
    {
        if (!_session.CanReduceOnDevice || SessionNumerics.Kind(Device) == "cpu")
            return new NcclOffer("", "", $"it computes on {Device}");
        return NcclLibrary.TryLoad(out string reason, out NcclLibrary? library)
            ? new NcclOffer(_gpu, library.Version, "")
            : new NcclOffer(_gpu, "", reason);
    }

    /// <summary>
    /// The memory in which ranks of one host reduce: of all ranks, or of those of this host where
    /// there are several. Null where no host can, or none is to.
    /// </summary>
    private IResidentBuffers? TryShare(
        Generation generation, ReductionPlan plan, CollectiveScope scope, ITransport? transport,
        Action<string> warn)
    {
        long elements = _session.State.Model.GradientLength;
        if (transport is SharedMemoryTransport shared)
            return ResidentBuffers.TryOpen(shared, plan, elements, warn);
        IReadOnlyList<HostGroup> hosts = Hosts(generation);
        return _spec.Transport == TransportKind.Auto && transport is GrpcTransport grpc
            && hosts.Count < generation.Ranks.Count
            ? HierarchicalBuffers.TryOpen(
                grpc, plan, hosts, [.. generation.Ranks.Select(rank => rank.Worker.ProcessId)],
                _shared.Directory, scope, _session.Frames, elements, warn)
            : null;
    }

    private static IReadOnlyList<HostGroup> Hosts(Generation generation) =>
        HostGroup.ByHost([.. generation.Ranks.Select(rank => rank.Worker.Host)]);

    /// <summary>
    /// A run that goes on meanwhile may have replaced the checkpoint by a newer one that counts,
    /// which is as good. The oldest of those does; the newest may not, as yet.
    /// </summary>
    private void Restore(PrepareJob order, TimeProvider clock)
    {
        var store = new CheckpointStore(_description.RunFolder, _spec.KeepCheckpoints, clock);
        string folder = order.CheckpointFolder;
        while (!TryRestore(folder))
        {
            folder = store.OldestAfter(order.Step) ?? throw new OperatingException(
                $"checkpoint {order.CheckpointFolder} is gone and there is none after it: expected "
                + "a folder that every worker sees; bring it back and go on with --resume");
        }
    }

    /// <summary>False where it is not there any more.</summary>
    private bool TryRestore(string folder)
    {
        try
        {
            _checkpoints.Restore(folder);
            return true;
        }
        catch (OperatingException) when (!Directory.Exists(folder))
        {
            return false;
        }
    }
}
