using System.Collections.Concurrent;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane;
using Distributed.Torch;

namespace Distributed.Runtime.Workers;

/// <summary>
/// The training port in production: one thread that owns the device, takes commands in order, and
/// answers each to the worker actor.
/// </summary>
internal sealed class TrainingThread : ITrainingPort, IDisposable
{
    private static readonly TimeSpan OwnerSpeaksFirst = TimeSpan.FromMilliseconds(500);

    private readonly DataPlaneHub _hub;
    private readonly TimeProvider _clock;
    private readonly BlockingCollection<Action> _commands = [];
    private readonly Thread _thread;
    private IActorRef? _worker;
    private volatile WorkerJob? _job;
    private ulong _jobNumber;

    public TrainingThread(DataPlaneHub hub, TimeProvider clock)
    {
        _hub = hub;
        _clock = clock;
        _thread = new Thread(Run) { IsBackground = true, Name = "training" };
        _thread.Start();
    }

    public void Prepare(PrepareJob order, IActorRef worker) => Post(() =>
    {
        _worker = worker;
        _jobNumber = order.Job;
        _job = new WorkerJob(order, _hub, _clock);
        return new TrainingPrepared(
            order.Job, _job.StartStep, _job.Numerics, _job.Device);
    });

    public void RunStep(long step, bool voteToStop, bool hashParameters) =>
        Post(() => _job!.RunStep(step, voteToStop, hashParameters));

    public void Evaluate(int epoch) => Post(() => _job!.Evaluate(epoch));

    public void SaveCheckpoint(long step) => Post(() => _job!.SaveCheckpoint(
        step, Answer, failure => Answer(Failure(failure))));

    public void HashParameters() =>
        Post(() => new ParametersReady(_jobNumber, _job!.ParametersSha256()));

    public void Release(string reason)
    {
        // Wakes the thread if it waits for a peer, so that it gets to the command below.
        _job?.Cancel(reason);
        _commands.Add(() =>
        {
            _job?.Dispose();
            _job = null;
        });
    }

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

    private void Post(Func<TrainingAnswer> command) => _commands.Add(() =>
    {
        try
        {
            Answer(command());
        }
        catch (CollectiveCancelledException)
        {
            // Whoever cancelled knows already.
        }
        catch (InvariantException)
        {
            throw;
        }
        catch (Exception failure)
        {
            Answer(Failure(failure));
        }
    });

    private void Answer(TrainingAnswer answer) => _worker?.Tell(answer);

    private TrainingFailed Failure(Exception failure)
    {
        switch (failure)
        {
            case PeerLostException lost:
                return new(_jobNumber, ExitCodes.OperatingError, lost.Peer, lost.Reason);
            case PeerDivergedException diverged:
                // The rank whose shard it was names the shard; this one only knows the sum.
                Thread.Sleep(OwnerSpeaksFirst);
                return new(_jobNumber, ExitCodes.NumericsDiverged, -1, diverged.Message);
            case OperatingException operating:
                return new(_jobNumber, operating.ExitCode, -1, operating.Message);
            case TorchException torch:
                return new(
                    _jobNumber, ExitCodes.OperatingError, -1, $"libtorch failed: {torch.Message}");
            default:
                return new(
                    _jobNumber, ExitCodes.OperatingError, -1,
                    $"{failure.GetType().Name}: {failure.Message}");
        }
    }
}

/// <summary>The loss of the global batch is not a number, by another rank's shard.</summary>
internal sealed class PeerDivergedException(string message) : Exception(message);
