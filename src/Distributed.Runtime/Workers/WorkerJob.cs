using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane;
using Distributed.Torch;
using Distributed.Training.Checkpoints;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Runtime.Workers;

/// <summary>One job on this worker's device, from its data to its last checkpoint.</summary>
internal sealed class WorkerJob : IDisposable
{
    private readonly ulong _job;
    private readonly JobDescription _description;
    private readonly int _rank;
    private readonly int _rankCount;
    private readonly DatasetPair _data;
    private readonly TrainingSession _session;
    private readonly ITransport? _transport;
    private readonly CheckpointWriter _checkpoints;

    public WorkerJob(PrepareJob order, DataPlaneHub hub, TimeProvider clock)
    {
        _job = order.Job;
        _description = order.Description;
        _rank = order.Rank;
        _rankCount = order.Generation.Ranks.Count;
        RunSpec spec = RunSpecReader.Read(
            order.Description.Specification, order.Description.RunFolder, []);
        InitializeEngine(spec);
        TorchRuntime runtime = TorchLibrary.Describe();
        Device = runtime.Device;
        NumericsFingerprint numerics = SessionNumerics.Of(spec, runtime);
        Numerics = numerics.ToText();
        _data = SpecifiedDataset.Open(spec.Dataset);
        Network network = Network.Resolve(spec.Model, _data.Shape, _data.ClassCount);
        _session = new TrainingSession(spec, network, _data);
        _checkpoints = new CheckpointWriter(
            _description.RunFolder, spec, numerics, _session.State,
            _session.StepsPerEpoch, clock);
        if (_description.CheckpointFolder.Length > 0)
            _checkpoints.Restore(_description.CheckpointFolder);
        Invariant.Check(
            _session.State.Step == _description.StartStep, "a job starts from its own step");
        if (_rankCount > 1)
        {
            _transport = hub.Open(
                order.Job, order.Generation.Number, _rank,
                [.. order.Generation.Ranks.Select(rank => rank.DataAddress)]);
        }

        ShardMap map = order.Generation.Map(_description.LogicalShards);
        _session.Join(new RankPlace(
            ReductionPlan.Create(map, _description.Reduction), _rank, _session.State.Model,
            new CollectiveScope(order.Job, order.Generation.Number), _transport));
    }

    public long StartStep => _session.State.Step;

    public string Numerics { get; }

    public string Device { get; }

    public TrainingAnswer RunStep(long step, bool voteToStop, bool hashParameters)
    {
        StepResult result = _session.Step(step, voteToStop);
        if (!double.IsFinite(result.Loss))
        {
            throw new PeerDivergedException(
                $"the loss at step {step} is {result.Loss}: expected a finite number; lower the "
                + "learning rate (--lr) or check the data");
        }

        var record = new StepRecord(
            step, result.Loss, result.Correct, result.Samples, result.LearningRate,
            result.ComputeMs, result.CommunicationMs, result.WaitMs, result.StepMs);
        return new StepDone(
            _job, record, result.StopVotes, hashParameters ? ParametersSha256() : "");
    }

    public TrainingAnswer Evaluate(int epoch)
    {
        int batches = _description.TestBatches;
        EvaluatedBatch[] results = _session.Evaluate(
            batches * _rank / _rankCount, batches * (_rank + 1) / _rankCount);
        (double loss, double accuracy) = _session.EpochSoFar();
        return new EvaluationDone(
            _job, epoch, loss, accuracy,
            [
                .. results.Select(result => new TestBatchResult(
                    result.Batch, result.LossSum, result.Correct, result.Samples)),
            ]);
    }

    /// <summary>
    /// Rank 0 copies the state and lets training go on while it is written; the callbacks come
    /// from the writer's thread.
    /// </summary>
    public TrainingAnswer SaveCheckpoint(
        long step, Action<TrainingAnswer> written, Action<Exception> failed)
    {
        if (_rank == 0)
        {
            _checkpoints.Save(
                step, path => written(new CheckpointDone(_job, step, path)), failed);
        }

        return new SnapshotTaken(_job, step);
    }

    public string ParametersSha256() => _session.State.ParametersSha256();

    /// <summary>Wakes a step that waits for a peer. Callable from any thread.</summary>
    public void Cancel(string reason) => _transport?.Cancel(reason);

    private static void InitializeEngine(RunSpec spec)
    {
        if (spec.Device != DeviceKind.Cpu)
        {
            try
            {
                TorchLibrary.Initialize(spec.ThreadsPerWorker, "cuda");
                return;
            }
            catch (TorchException) when (spec.Device == DeviceKind.Auto)
            {
                // This libtorch sees no GPU, or the process has settled on the CPU before.
            }
        }

        TorchLibrary.Initialize(spec.ThreadsPerWorker, "cpu");
    }

    public void Dispose()
    {
        _checkpoints.Dispose();
        _session.Dispose();
        _data.Dispose();
    }
}
