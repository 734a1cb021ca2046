using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Telemetry;
using Distributed.Training.Checkpoints;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Recording;

/// <summary>
/// The open files of a run that is being recorded. metrics.jsonl is the record; the event file
/// follows from its lines, which are always written first. Used by one thread.
/// </summary>
internal sealed class RunFiles : IDisposable
{
    private readonly JobDescription _description;
    private readonly MetricsFile _metrics;
    private readonly EventFileWriter _events;
    private readonly RunHistory _history;
    private readonly TimeProvider _clock;
    private readonly List<RunLine> _unwritten = [];
    private RunRecord _record;

    private RunFiles(
        JobDescription description, RunRecord record, MetricsFile metrics, EventFileWriter events,
        RunHistory history, TimeProvider clock)
    {
        _description = description;
        _record = record;
        _metrics = metrics;
        _events = events;
        _history = history;
        _clock = clock;
    }

    /// <summary>What the folder held before.</summary>
    public RecordingBegun Begun => _history.Begun;

    /// <summary>As the other one, for a job that has just begun or goes on as it was.</summary>
    public static RunFiles Open(JobDescription description, TimeProvider clock) =>
        Open(description, description.StartStep, clock);

    /// <summary>
    /// Mends what a killed process has left, and takes the files away from one that only sleeps.
    /// </summary>
    /// <param name="description">Of the job.</param>
    /// <param name="startStep">What is in the event files after this step, and not in metrics.jsonl
    /// any more, is taken back.</param>
    /// <param name="clock">Tells when points were written.</param>
    /// <exception cref="OperatingException">The folder cannot be read or written.</exception>
    public static RunFiles Open(
        JobDescription description, long startStep, TimeProvider clock)
    {
        string folder = description.RunFolder;
        RunRecord record = RecordOf(description);
        var metrics = new MetricsFile(Path.Combine(folder, MetricsFile.FileName));
        EventFileWriter? events = null;
        try
        {
            EventHistory earlier = EventHistory.TakeOver(folder);
            RunHistory history = RunHistory.Read(metrics.Path, earlier);
            events = new EventFileWriter(
                folder, SessionStart(startStep, history, earlier), earlier, clock);
            // Makes the names of the new files durable too.
            record.Save(folder);
            var files = new RunFiles(description, record, metrics, events, history, clock);
            files.WritePoints(history.NotInEvents);
            events.Flush();
            return files;
        }
        catch
        {
            metrics.Abandon();
            events?.Abandon();
            throw;
        }
    }

    /// <summary>
    /// Removes all that a run has put on record after that step, and its checkpoints of later
    /// steps; who was prepared for fewer returns writes none any more.
    /// </summary>
    /// <exception cref="OperatingException">Something is left.</exception>
    public static void CutBack(string folder, long step, int returns, TimeProvider clock)
    {
        var checkpoints = new CheckpointStore(folder, keep: 1, clock);
        checkpoints.ReturnTo(step, returns);
        MetricsFile.Truncate(Path.Combine(folder, MetricsFile.FileName), step);
    }

    /// <summary>Puts the fingerprint into run.yaml, and the whole into TensorBoard.</summary>
    public void Numerics(string numerics)
    {
        if (NumericsFingerprint.FromText(numerics) is { } known && known != _record.Numerics)
        {
            _record = _record with { Numerics = known };
            _record.Save(_description.RunFolder);
        }

        _events.Text("run", 1, $"```yaml\n{_record.ToYaml()}```", _clock.GetUtcNow());
    }

    public void Steps(IReadOnlyList<StepRecord> steps) => Write(
        steps.Select(step => StepLine.Of(step, _description.Schedule.EpochOf(step.Step))));

    public void Times(ReportOrigin origin, StepsCommitted report)
    {
        if (report.Steps.Count > 0)
            Write([TimesLine.Of(origin, report)]);
    }

    public void Epoch(EpochCompleted epoch) => Write([new EpochLine(epoch)]);

    /// <summary>A run that was complete before keeps the summary of that time.</summary>
    public void Done(RunCompleted done)
    {
        if (!_history.IsDoneAt(done.Steps))
            Write([DoneLine.Of(done)]);
    }

    /// <summary>
    /// Returns once all that was written would survive the machine's death. The event file need
    /// not: it can be made good from metrics.jsonl.
    /// </summary>
    public void Commit()
    {
        _metrics.Commit();
        _events.Flush();
    }

    public void Close()
    {
        Commit();
        Dispose();
    }

    /// <summary>Closes the files as they are, for example after a write has failed.</summary>
    public void Dispose()
    {
        _metrics.Abandon();
        _events.Abandon();
    }

    /// <summary>
    /// The numerics are as the job has them, else as the folder has them from before.
    /// </summary>
    private static RunRecord RecordOf(JobDescription description)
    {
        RunSpec spec = RunSpecReader.Read(description.Specification, description.RunFolder);
        string path = Path.Combine(description.RunFolder, RunRecord.FileName);
        NumericsFingerprint? numerics = NumericsFingerprint.FromText(description.Numerics);
        if (numerics is null && File.Exists(path))
            numerics = RunRecord.Load(description.RunFolder).Numerics;
        return new RunRecord(
            spec, description.Commit.Length > 0 ? description.Commit : null, numerics);
    }

    /// <summary>
    /// A run that goes on from a checkpoint has what came after that taken back in the event files,
    /// as it is in metrics.jsonl. A coordinator that takes over while the run goes on finds lines
    /// after the checkpoint, or nothing to take back.
    /// </summary>
    private static long? SessionStart(long start, RunHistory history, EventHistory earlier)
    {
        bool isResumed = history.LastStep <= start && earlier.LastStep > start;
        return earlier.IsEmpty || isResumed ? start + 1 : null;
    }

    private void Write(IEnumerable<RunLine> lines)
    {
        _unwritten.Clear();
        _unwritten.AddRange(lines);
        foreach (RunLine line in _unwritten)
            _metrics.Append(line.Fields);
        _metrics.Flush();
        WritePoints(_unwritten);
    }

    private void WritePoints(IReadOnlyList<RunLine> lines)
    {
        DateTimeOffset now = _clock.GetUtcNow();
        foreach (RunLine line in lines)
        {
            foreach ((string tag, double value) in line.Points)
                _events.Scalar(tag, line.Step, value, now);
        }
    }
}
