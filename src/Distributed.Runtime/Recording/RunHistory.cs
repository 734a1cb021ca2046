using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Telemetry;

namespace Distributed.Runtime.Recording;

/// <summary>
/// What metrics.jsonl holds when a coordinator opens it, and what of that the event files lack.
/// </summary>
internal sealed class RunHistory
{
    private readonly List<EpochCompleted> _epochs = [];
    private readonly Dictionary<ulong, long> _lastSequences = [];
    private readonly HashSet<long> _doneSteps = [];
    private readonly List<RunLine> _notInEvents = [];
    private long _lastRecordedStep;

    private RunHistory()
    {
    }

    /// <summary>The last step that any line is about, the last committed step or not.</summary>
    public long LastStep { get; private set; }

    /// <summary>The lines of which a point is missing in the event files.</summary>
    public IReadOnlyList<RunLine> NotInEvents => _notInEvents;

    public RecordingBegun Begun => new(_lastRecordedStep, _epochs, _lastSequences);

    /// <exception cref="OperatingException">A line is not one of this program.</exception>
    public static RunHistory Read(string metricsPath, EventHistory events)
    {
        var history = new RunHistory();
        foreach (RunLine line in RunLine.Read(metricsPath))
            history.Add(line, events);
        return history;
    }

    public bool IsDoneAt(long step) => _doneSteps.Contains(step);

    private void Add(RunLine line, EventHistory events)
    {
        LastStep = Math.Max(LastStep, line.Step);
        switch (line)
        {
            case StepLine step:
                _lastRecordedStep = Math.Max(_lastRecordedStep, step.Step);
                break;
            case TimesLine times:
                _lastSequences[times.Origin.Incarnation] = times.Origin.Sequence;
                break;
            case EpochLine epoch:
                _epochs.Add(epoch.Epoch);
                break;
            case DoneLine done:
                _doneSteps.Add(done.Step);
                break;
        }

        if (line.Points.Any(point => !events.Holds(point.Tag, line.Step)))
            _notInEvents.Add(line);
    }
}
