using System.Threading.Channels;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Telemetry;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Coordination;

/// <summary>
/// Writes a run folder on the coordinator: run.yaml, metrics.jsonl, TensorBoard's event file. Work
/// is queued and done in order by one task, so that the actors never wait for the disk.
/// </summary>
internal sealed class RunRecorder : IRunRecorder
{
    public const string MetricsFileName = "metrics.jsonl";
    public const string SpecificationFileName = "run.yaml";

    private readonly TimeProvider _clock;
    private readonly Channel<Action> _work = Channel.CreateUnbounded<Action>(
        new UnboundedChannelOptions { SingleReader = true });

    private RunFiles? _files;
    private IActorRef? _job;
    private bool _failed;

    public RunRecorder(TimeProvider clock)
    {
        _clock = clock;
        _ = Task.Run(RunAsync);
    }

    public void Begin(JobDescription description, string numerics, IActorRef job) => Post(() =>
    {
        _job = job;
        _files = RunFiles.Open(description, numerics, _clock);
        job.Tell(new RecordingBegun());
    });

    public void Steps(int rank, IReadOnlyList<StepRecord> steps) =>
        Post(() => _files?.Steps(rank, steps));

    public void Epoch(EpochCompleted epoch) => Post(() => _files?.Epoch(epoch));

    public void End(RunCompleted? summary)
    {
        Post(() =>
        {
            if (summary is not null)
                _files?.Done(summary);
            _files?.Dispose();
            _files = null;
            _job?.Tell(new RecordingEnded());
        });
        _work.Writer.TryComplete();
    }

    private void Post(Action action) => _work.Writer.TryWrite(action);

    private async Task RunAsync()
    {
        await foreach (Action action in _work.Reader.ReadAllAsync())
        {
            if (_failed)
                continue;
            try
            {
                action();
            }
            catch (Exception failure) when (
                failure is OperatingException or IOException or UnauthorizedAccessException)
            {
                _failed = true;
                _files?.Abandon();
                _job?.Tell(new RecordingFailed(failure.Message));
            }
        }
    }
}

/// <summary>The open files of a run that is being recorded. Used by one thread.</summary>
internal sealed class RunFiles : IDisposable
{
    private readonly JobDescription _description;
    private readonly MetricsFile _metrics;
    private readonly EventFileWriter _events;
    private readonly TimeProvider _clock;

    private RunFiles(
        JobDescription description, MetricsFile metrics, EventFileWriter events, TimeProvider clock)
    {
        _description = description;
        _metrics = metrics;
        _events = events;
        _clock = clock;
    }

    public static RunFiles Open(JobDescription description, string numerics, TimeProvider clock)
    {
        RunSpec spec = RunSpecReader.Read(description.Specification, description.RunFolder);
        var record = new RunRecord(
            spec, description.Commit.Length > 0 ? description.Commit : null,
            NumericsFingerprint.FromText(numerics));
        string specification = Path.Combine(
            description.RunFolder, RunRecorder.SpecificationFileName);
        string partial = specification + ".partial";
        File.WriteAllText(partial, record.ToYaml());
        File.Move(partial, specification, overwrite: true);
        var metrics = new MetricsFile(
            Path.Combine(description.RunFolder, RunRecorder.MetricsFileName));
        var events = new EventFileWriter(description.RunFolder, description.StartStep + 1, clock);
        if (description.StartStep == 0)
        {
            events.Text(
                "run", 1, $"```yaml\n{record.ToYaml()}```", clock.GetUtcNow());
        }

        return new RunFiles(description, metrics, events, clock);
    }

    public void Steps(int rank, IReadOnlyList<StepRecord> steps)
    {
        if (steps.Count == 0)
            return;
        DateTimeOffset now = _clock.GetUtcNow();
        if (rank == 0)
        {
            foreach (StepRecord step in steps)
                Step(step, now);
        }

        Times(rank, steps, now);
    }

    public void Epoch(EpochCompleted epoch)
    {
        // A run that is resumed at its very end evaluates again; the epoch is on record already.
        if (epoch.Step <= _description.StartStep)
            return;
        DateTimeOffset now = _clock.GetUtcNow();
        _events.Scalar("loss/epoch", epoch.Step, epoch.TrainLoss, now);
        _events.Scalar("accuracy/epoch", epoch.Step, epoch.TrainAccuracy, now);
        _events.Scalar("loss/test", epoch.Step, epoch.TestLoss, now);
        _events.Scalar("accuracy/test", epoch.Step, epoch.TestAccuracy, now);
        _events.Flush();
        _metrics.Append(
            ("kind", "epoch"), ("epoch", epoch.Epoch), ("step", epoch.Step),
            ("train_loss", epoch.TrainLoss), ("train_accuracy", epoch.TrainAccuracy),
            ("test_loss", epoch.TestLoss), ("test_accuracy", epoch.TestAccuracy),
            ("seconds", epoch.Seconds));
        _metrics.Flush();
    }

    public void Done(RunCompleted done) => _metrics.Append(
        ("kind", "done"), ("step", done.Steps), ("samples", done.Samples),
        ("test_accuracy", done.TestAccuracy), ("test_loss", done.TestLoss),
        ("parameters_sha256", done.ParametersSha256),
        ("images_per_second", done.ImagesPerSecond), ("generations", done.Generations),
        ("steps_redone", done.StepsRedone), ("seconds", done.Seconds));

    public void Dispose()
    {
        _metrics.Flush();
        _metrics.Dispose();
        _events.Flush();
        _events.Dispose();
    }

    /// <summary>Closes what can still be closed after a write has failed.</summary>
    public void Abandon()
    {
        try
        {
            Dispose();
        }
        catch (OperatingException)
        {
            // The failure that led here has been reported; this is the same disk.
        }
    }

    private void Step(StepRecord step, DateTimeOffset now)
    {
        double accuracy = (double)step.Correct / step.Samples;
        _events.Scalar("loss/train", step.Step, step.Loss, now);
        _events.Scalar("accuracy/train", step.Step, accuracy, now);
        _events.Scalar("learning_rate", step.Step, step.LearningRate, now);
        _metrics.Append(
            ("kind", "step"), ("step", step.Step),
            ("epoch", _description.Schedule.EpochOf(step.Step)), ("loss", step.Loss),
            ("accuracy", accuracy), ("learning_rate", step.LearningRate));
    }

    /// <summary>
    /// Means over the reported steps: one point a report is enough to see a straggler.
    /// </summary>
    private void Times(int rank, IReadOnlyList<StepRecord> steps, DateTimeOffset now)
    {
        long last = steps[^1].Step;
        double compute = steps.Average(step => step.ComputeMs);
        double communication = steps.Average(step => step.CommunicationMs);
        double wait = steps.Average(step => step.WaitMs);
        _events.Scalar($"rank {rank}/compute_ms", last, compute, now);
        _events.Scalar($"rank {rank}/communication_ms", last, communication, now);
        _events.Scalar($"rank {rank}/wait_ms", last, wait, now);
        double seconds = steps.Sum(step => step.StepMs) / 1e3;
        double imagesPerSecond = steps.Sum(step => (double)step.Samples) / seconds;
        if (rank == 0)
            _events.Scalar("images_per_second", last, imagesPerSecond, now);
        _metrics.Append(
            ("kind", "times"), ("step", last), ("rank", rank), ("steps", steps.Count),
            ("compute_ms", compute), ("communication_ms", communication), ("wait_ms", wait),
            ("images_per_second", imagesPerSecond));
    }
}
