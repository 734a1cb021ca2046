using System.Collections.Concurrent;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Devices;
using Distributed.Runtime.SharedMemory;
using Distributed.Runtime.Tracing;
using Distributed.Torch;
using Distributed.Training.Checkpoints;
using Distributed.Training.Step;

namespace Distributed.Runtime.Workers;

/// <summary>
/// The training port in production: one thread that owns the device, takes commands in order, and
/// answers each to the worker actor. Halt and Release reach into a command that waits for a peer.
/// </summary>
internal sealed class TrainingThread : ITrainingPort, IDisposable
{
    private static readonly TimeSpan OwnerSpeaksFirst = TimeSpan.FromMilliseconds(500);

    private readonly DataPlaneHub _hub;
    private readonly SharedMemoryHub _shared;
    private readonly TimeProvider _clock;
    private readonly StepTelemetry _telemetry;
    private readonly DeviceChooser _devices;
    private readonly BlockingCollection<Action> _commands = [];
    private readonly Thread _thread;
    private readonly Lock _answerGate = new();
    private volatile WorkerJob? _job;
    private volatile TorchRuntime? _runtime;
    private int _releases;

    /// <param name="hub">The data plane.</param>
    /// <param name="shared">Memory that it shares with other workers of the host.</param>
    /// <param name="clock">Dates checkpoints and traces.</param>
    /// <param name="telemetry">Takes every step; null for one that nobody knows by name.</param>
    /// <param name="devices">Chooses the device of each job, and stays the caller's; null for a
    /// worker that was told nothing.</param>
    public TrainingThread(
        DataPlaneHub hub, SharedMemoryHub shared, TimeProvider clock,
        StepTelemetry? telemetry = null, DeviceChooser? devices = null)
    {
        _devices = devices ?? DeviceChooser.Of(DeviceRequest.Auto, slot: 0);
        _telemetry = telemetry ?? new StepTelemetry("", StepTelemetry.EveryStepsDefault, clock);
        _hub = hub;
        _shared = shared;
        _clock = clock;
        _thread = new Thread(Run) { IsBackground = true, Name = "training" };
        _thread.Start();
    }

    /// <summary>What the engine runs on; null before the first job. Any thread may
    /// ask.</summary>
    public TorchRuntime? Runtime => _runtime;

    public void Prepare(PrepareJob order, IActorRef worker)
    {
        Release("another job is prepared");
        int life = _releases;
        _commands.Add(() =>
        {
            try
            {
                _job = new WorkerJob(order, Answer, _hub, _shared, _clock, _telemetry,
                    _devices);
                _runtime = TorchLibrary.Describe();
                Answer(new TrainingPrepared(order.Job, _job.Step, _job.Numerics, _job.Device));
            }
            catch (Exception failure) when (failure is not InvariantException)
            {
                Answer(new TrainingFailed(order.Job, Explain(failure)));
            }
        });

        // Nothing comes after a release: the worker may have prepared the same job anew by then.
        void Answer(TrainingAnswer answer)
        {
            lock (_answerGate)
            {
                if (life == _releases)
                    worker.Tell(answer);
            }
        }
    }

    public void Join(FormGeneration order) => Post(job => job.Join(order));

    public void RunStep(long step, StepVotes votes, bool hashParameters) =>
        Post(job => job.RunStep(step, votes, hashParameters));

    public void Evaluate(int epoch) => Post(job => job.Evaluate(epoch));

    public void SaveCheckpoint(long step, bool write, long stepKept) => Post(
        job => job.SaveCheckpoint(
            step, write, stepKept, failure => new TrainingFailed(job.Number, Explain(failure))));

    public void HashParameters() => Post(job => job.HashParameters());

    public void Halt(int generation, string reason)
    {
        // Wakes the thread if it waits for a peer, so that it gets to the command below.
        _job?.BeginHalt(reason);
        Post(job => job.Halt(generation));
    }

    public void Release(string reason)
    {
        lock (_answerGate)
            _releases++;
        _job?.BeginHalt(reason);
        _commands.Add(() =>
        {
            WorkerJob? released = _job;
            _job = null;
            released?.Dispose();
        });
    }

    /// <summary>The device of the job in hand cannot be used any more. Any thread may
    /// tell.</summary>
    public void Lose(string message) => _job?.Lose(message);

    public void Dispose()
    {
        Release("the worker is closing");
        _commands.CompleteAdding();
        _thread.Join();
        _commands.Dispose();
    }

    private void Run()
    {
        foreach (Action command in _commands.GetConsumingEnumerable())
            command();
    }

    private void Post(Func<WorkerJob, TrainingAnswer> command)
    {
        if (_commands.IsAddingCompleted)
            return;
        _commands.Add(() =>
        {
            // A job that failed to prepare has said so, and one that was released is over.
            if (_job is not { } job)
                return;
            try
            {
                job.Answer(command(job));
            }
            catch (CollectiveCancelledException)
            {
                // Whoever cancelled knows already.
            }
            catch (Exception failure) when (failure is not InvariantException)
            {
                job.Answer(new TrainingFailed(job.Number, Explain(failure)));
            }
        });
    }

    private WorkFailure Explain(Exception failure)
    {
        switch (failure)
        {
            case PeerLostException lost:
                return new(Blame.Peer, ExitCodes.OperatingError, lost.Peer, lost.Reason);
            case FrameRefusedException refused:
                return new(
                    Blame.Peer, ExitCodes.OperatingError, refused.FromRank, refused.Message);
            case StateFetchException fetch:
                return new(Blame.Peer, ExitCodes.OperatingError, -1, fetch.Message);
            case LossDivergedException diverged:
                // The rank whose shard it was names the shard; this one only knows the sum.
                Thread.Sleep(OwnerSpeaksFirst);
                return new(Blame.Job, ExitCodes.NumericsDiverged, -1, diverged.Message);
            case DeviceException device:
                return new(Blame.Worker, device.ExitCode, -1, device.Message);
            case OperatingException operating:
                return new(
                    Blame.Job, operating.ExitCode, -1, operating.Message,
                    DiskErrors.IsFull(operating));
            case TorchException torch:
                return new(
                    Blame.Worker, ExitCodes.OperatingError, -1,
                    Explain(torch.Message) ?? $"libtorch failed: {torch.Message}");
            default:
                return new(
                    Blame.Worker, ExitCodes.OperatingError, -1,
                    $"{failure.GetType().Name}: {failure.Message}");
        }
    }

    private string? Explain(string nativeMessage) =>
        TorchLibrary.Device is { } device
            ? DeviceHealth.Explain(nativeMessage, device, _devices.Identify(device))
            : null;
}
