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
    private readonly RunAttachments _attachments;
    private readonly long _startStep;
    private readonly List<RunLine> _unwritten = [];
    private RunRecord _record;
    private long _lastStep;

    private RunFiles(
        JobDescription description, long startStep, RunRecord record, MetricsFile metrics,
        EventFileWriter events, RunHistory history, TimeProvider clock)
    {
        _description = description;
        _record = record;
        _metrics = metrics;
        _events = events;
        _history = history;
        _clock = clock;
        _startStep = startStep;
        _lastStep = history.LastStep;
        _attachments = new RunAttachments(description, events, clock);
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
            var files = new RunFiles(
                description, startStep, record, metrics, events, history, clock);
            files.WritePoints(history.NotInEvents);
            files.ShowModel();
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

        DateTimeOffset now = _clock.GetUtcNow();
        _events.Text(RecordedTags.Run, 1, $"```yaml\n{_record.ToYaml()}```", now);
        // A run that goes on may do so elsewhere.
        _events.Text(
            RecordedTags.Environment, _startStep + 1, RunEnvironment.Describe(_record), now);
    }

    public void Steps(IReadOnlyList<StepRecord> steps) => Write(
        steps.Select(step => StepLine.Of(step, _description.Schedule.EpochOf(step.Step))));

    public void Times(ReportOrigin origin, StepsCommitted report)
    {
        if (report.Steps.Count > 0)
            Write([TimesLine.Of(origin, report)]);
    }

    public void Epoch(EpochCompleted epoch) => Write([new EpochLine(epoch)]);

    /// <summary>
    /// Puts what a worker has sent beside the figures, or leaves it out: whatever is wrong with it,
    /// the recording goes on.
    /// </summary>
    public void Attach(RunAttachment attachment) => _attachments.Take(attachment);

    /// <summary>To be called when no worker will send anything any more.</summary>
    /// <param name="attachmentsDropped">How many have not come here.</param>
    public void FinishAttachments(long attachmentsDropped) =>
        _attachments.Finish(Math.Max(1, _lastStep), attachmentsDropped);

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

    /// <summary>
    /// The graph and the charts. The graph of a model whose images only its workers know comes from
    /// them.
    /// </summary>
    private void ShowModel()
    {
        if (ModelGraph.TryOf(_record.Spec) is { } graph)
            _attachments.Graph(graph);
        _events.Add(
            new SummaryBuilder().Layout(RecordedTags.Layout), step: 1, _clock.GetUtcNow());
    }

    private void Write(IEnumerable<RunLine> lines)
    {
        _unwritten.Clear();
        _unwritten.AddRange(lines);
        foreach (RunLine line in _unwritten)
        {
            _metrics.Append(line.Fields);
            _lastStep = Math.Max(_lastStep, line.Step);
        }

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
