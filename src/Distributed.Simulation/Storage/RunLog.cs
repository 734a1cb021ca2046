using Distributed.Cluster.Jobs;

namespace Distributed.Simulation.Storage;

/// <summary>A line of a run's metrics.</summary>
internal abstract record LogEntry;

internal sealed record StepEntry(StepRecord Record) : LogEntry;

internal sealed record TimesEntry(ReportOrigin Origin) : LogEntry;

internal sealed record EpochEntry(EpochCompleted Epoch) : LogEntry;

/// <summary>
/// A run's metrics on disk. What is durable is kept as a summary; what a recorder has written
/// since then may still be lost, from the end.
/// </summary>
internal sealed class RunLog
{
    private readonly SortedDictionary<ulong, long> sequences = [];
    private readonly List<EpochCompleted> epochs = [];
    private readonly SortedSet<long> wrongSteps = [];

    /// <summary>The newest term that has opened it: older ones may not write.</summary>
    public long Term { get; private set; }

    public SimulatedRecorder? Owner { get; private set; }

    public long LastStep { get; private set; }

    public IReadOnlyList<EpochCompleted> Epochs => epochs;

    /// <summary>Who was prepared for fewer returns writes no checkpoint any more.</summary>
    public int Returns { get; private set; }

    /// <summary>The first step that an entry is wrong about, as the checks know.</summary>
    public long FirstWrongStep => wrongSteps.Count == 0 ? long.MaxValue : wrongSteps.Min;

    public void NoteWrong(long step) => wrongSteps.Add(step);

    /// <summary>What came after that step is gone.</summary>
    public void CutBack(long step, int returns)
    {
        Returns = returns;
        LastStep = Math.Min(LastStep, step);
        epochs.RemoveAll(epoch => epoch.Step > step);
        wrongSteps.RemoveWhere(wrong => wrong > step);
    }

    public void Open(SimulatedRecorder owner, long term)
    {
        Owner = owner;
        Term = term;
    }

    public long SequenceOf(ulong incarnation) => sequences.GetValueOrDefault(incarnation);

    public RecordingBegun Contents() => new(
        LastStep, [.. epochs], new SortedDictionary<ulong, long>(sequences));

    /// <summary>What is wrong with the entry after what is there; null if nothing.</summary>
    public string? Append(LogEntry entry)
    {
        switch (entry)
        {
            case StepEntry step when step.Record.Step != LastStep + 1:
                return $"step {step.Record.Step} is recorded after step {LastStep}";
            case StepEntry step:
                LastStep = step.Record.Step;
                return null;
            case EpochEntry epoch when epochs.Exists(known => known.Epoch == epoch.Epoch.Epoch):
                return $"epoch {epoch.Epoch.Epoch} is recorded twice";
            case EpochEntry epoch when epoch.Epoch.Epoch != epochs.Count + 1:
                return $"epoch {epoch.Epoch.Epoch} is recorded after {epochs.Count} epochs";
            case EpochEntry epoch:
                epochs.Add(epoch.Epoch);
                return null;
            case TimesEntry times when times.Origin.Sequence
                <= SequenceOf(times.Origin.Incarnation):
                return $"the times of report {times.Origin.Sequence} of "
                    + $"{times.Origin.Incarnation:x16} are recorded after those of report "
                    + $"{SequenceOf(times.Origin.Incarnation)}";
            case TimesEntry times:
                sequences[times.Origin.Incarnation] = times.Origin.Sequence;
                return null;
            default:
                return null;
        }
    }
}
