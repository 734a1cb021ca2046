using System.Diagnostics;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Runtime.Recording;
using Distributed.Runtime.SharedMemory;
using Distributed.Telemetry;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Runtime.Showing;

/// <summary>
/// What a worker shows of a run beside its figures. The training thread calls it, and only copies
/// what is to be shown; a thread of low priority makes attachments of it. Every rank sends what
/// came of its share of the test set; rank 0 alone sends the rest. Nothing here changes the run.
/// </summary>
internal sealed class RunShow : IDisposable
{
    private const int WaitingMax = 8;

    /// <summary>What is shown of a run's end may hold the end up so long.</summary>
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(10);

    private readonly ulong _job;
    private readonly RunSpec _spec;
    private readonly Network _network;
    private readonly DatasetPair _data;
    private readonly TrainingSession _session;
    private readonly Action<TrainingAnswer> _answer;
    private readonly BackgroundThread _thread;
    private readonly ActivationPictures _activations;
    private ModelSnapshot? _snapshot;
    private int _generation;
    private int _rank;
    private bool _hasBegun;
    private long _stepShown;
    private long _stepEmbedded;
    private TimeSpan _trained;
    private readonly int _epochsBetweenTests;
    private TimeSpan _spent;
    private long _modelNs;
    private bool _wasDue = true;
    private int _epochsSkipped;
    private (TestOutputs Outputs, int Epoch, long Step)? _unsent;

    /// <param name="job">Its number.</param>
    /// <param name="spec">The job's.</param>
    /// <param name="network">The job's.</param>
    /// <param name="data">Not owned; in use until this is disposed.</param>
    /// <param name="session">Likewise, by the calling thread alone.</param>
    /// <param name="answer">Takes attachments, and what is worth logging, on any thread.</param>
    public RunShow(
        ulong job, RunSpec spec, Network network, DatasetPair data, TrainingSession session,
        Action<TrainingAnswer> answer)
    {
        _job = job;
        _spec = spec;
        _network = network;
        _data = data;
        _session = session;
        _answer = answer;
        _activations = new ActivationPictures(network, data);
        _epochsBetweenTests = ShowBudget.EpochsBetweenTests(
            data.Train.Count, data.Test.Count, data.ClassCount, network.FlopsPerImage);
        _thread = new BackgroundThread("showing", WaitingMax, failure => Tell(
            "nothing more of the run is shown: "
            + $"{failure.GetType().Name}: {failure.Message}"));
    }

    /// <summary>The job has taken its place in a generation.</summary>
    public void OnJoined(int generation, int rank)
    {
        (_generation, _rank) = (generation, rank);
        if (rank != 0 || _hasBegun || _session.State.Step != 0)
            return;
        _hasBegun = true;
        _thread.TryPost(_ =>
        {
            Send(generation, 0, AttachmentKind.Graph, ModelGraph.Of(_network));
            var summary = new SummaryBuilder();
            SamplePictures.Add(_spec, _data, summary);
            Send(generation, 0, summary);
        });
    }

    public void OnStep(double stepMs) => _trained += TimeSpan.FromMilliseconds(stepMs);

    /// <summary>The session's evaluation, and with it what there is to see at an epoch's
    /// end.</summary>
    public EvaluatedBatch[] Evaluate(int epoch)
    {
        var outputs = new TestOutputs(_session.TestShareSamples, _data.ClassCount);
        EvaluatedBatch[] results = _session.Evaluate(outputs.Observe);
        long started = Stopwatch.GetTimestamp();
        _unsent?.Outputs.Dispose();
        _unsent = (outputs, epoch, _session.State.Step);
        if ((epoch - 1) % _epochsBetweenTests == 0)
            SendTest();
        if (_rank == 0)
            ShowModelWithin(_session.State.Step);
        _spent += Stopwatch.GetElapsedTime(started);
        return results;
    }

    /// <summary>
    /// Shows the model as the run leaves it, and returns once all has been handed over, or too much
    /// time has passed, or the cancellation has come.
    /// </summary>
    public void Finish(CancellationToken cancellation)
    {
        long step = _session.State.Step;
        bool isIdle = _thread.Drain(EndLimit, cancellation);
        if (isIdle && step > 0)
        {
            SendTest();
            if (_rank == 0 && _stepShown != step)
                ShowModel(step);
            if (_rank == 0 && _stepEmbedded != step && _thread.Drain(EndLimit, cancellation))
                ShowEmbedding(step);
            isIdle = _thread.Drain(EndLimit, cancellation);
        }

        if (!isIdle && !cancellation.IsCancellationRequested)
            Tell($"not all of the run's end is shown: it took {EndLimit.TotalSeconds:0} s");
        string cost =
            $"showing the run took {_spent.TotalMilliseconds:0.0} ms of training's time and "
            + $"{_thread.Busy.TotalMilliseconds:0} ms of processor time beside it, for "
            + $"{_trained.TotalSeconds:0.0} s of steps; histograms and images of "
            + $"{_epochsSkipped} epochs were left out for that, {_thread.Dropped} parts were "
            + $"dropped, and a test is shown every {_epochsBetweenTests} epochs";
        Tell(cost);
        if (_rank == 0 && step > 0)
            Send(_generation, step, new SummaryBuilder().Text("showing", cost));
    }

    public void Dispose()
    {
        _thread.Dispose();
        _unsent?.Outputs.Dispose();
        _activations.Dispose();
        _snapshot?.Dispose();
    }

    /// <summary>
    /// Sends this rank's share of the newest test, unless that has happened. Where there is no room
    /// it stays to be sent at the run's end.
    /// </summary>
    private void SendTest()
    {
        if (_unsent is not { } unsent)
            return;
        int generation = _generation;
        bool isPosted = _thread.TryPost(_ =>
        {
            using TestOutputs outputs = unsent.Outputs;
            foreach (TestShare share in outputs.ToShares(unsent.Epoch, unsent.Step, _data.Test))
                Send(generation, unsent.Step, AttachmentKind.Predictions, share.ToBytes());
        });
        if (isPosted)
            _unsent = null;
    }

    private void ShowModelWithin(long step)
    {
        if (_stepShown == step)
            return;
        ShowDecision decision = _stepShown == 0
            ? new ShowDecision(true, "the first time")
            : ShowBudget.Decide(
                _spent + _thread.Busy, TimeSpan.FromMicroseconds(Volatile.Read(ref _modelNs) / 1e3),
                _trained);
        if (decision.IsDue != _wasDue)
            Tell(decision.Reason);
        _wasDue = decision.IsDue;
        if (decision.IsDue)
            ShowModel(step);
        else
            _epochsSkipped++;
    }

    private void ShowModel(long step)
    {
        int generation = _generation;
        bool isFirst = _stepShown == 0;
        bool isShown = UseSnapshot((snapshot, stop) =>
        {
            long began = LibC.ThreadTimeNs();
            var summary = new SummaryBuilder();
            ModelPictures.AddHistograms(snapshot, summary);
            ModelPictures.AddFilters(snapshot, summary);
            Send(generation, step, summary);
            _activations.AddTo(
                snapshot, layer => Send(generation, step, layer), stop);
            long took = LibC.ThreadTimeNs() - began;
            // The first time, methods are compiled.
            Volatile.Write(ref _modelNs, isFirst ? took / 4 : took);
        });
        if (isShown)
            _stepShown = step;
    }

    private void ShowEmbedding(long step)
    {
        int generation = _generation;
        bool isShown = UseSnapshot((snapshot, stop) =>
        {
            var embedding = TestEmbedding.TryMake(_network, _data, snapshot, stop);
            foreach ((string name, byte[] content) in embedding?.ToFiles() ?? [])
            {
                _answer(new AttachmentReady(
                    _job, generation,
                    new RunAttachment(step, AttachmentKind.ProjectorFile, name, content)));
            }
        });
        if (isShown)
            _stepEmbedded = step;
    }

    /// <summary>
    /// Has the session's state as it is now worked on. False where one is being worked on already.
    /// </summary>
    private bool UseSnapshot(Action<ModelSnapshot, CancellationToken> work)
    {
        ModelSnapshot snapshot = _snapshot ??= new ModelSnapshot(_session.State.Model);
        if (!snapshot.TryTake(_session))
            return false;
        bool isPosted = _thread.TryPost(stop =>
        {
            try
            {
                work(snapshot, stop);
            }
            finally
            {
                snapshot.Release();
            }
        });
        if (!isPosted)
            snapshot.Release();
        return isPosted;
    }

    private void Send(int generation, long step, SummaryBuilder summary)
    {
        byte[] values = summary.ToBytes();
        if (values.Length > 0)
            Send(generation, step, AttachmentKind.Summary, values);
    }

    private void Send(int generation, long step, AttachmentKind kind, byte[] payload) => _answer(
        new AttachmentReady(_job, generation, new RunAttachment(step, kind, "", payload)));

    private void Tell(string text) => _answer(new TrainingDecided(_job, text));
}
