using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;

namespace Distributed.Cluster.Sweeps;

/// <summary>What a trial waits for.</summary>
public enum TrialPhase
{
    /// <summary>A free place, for its next leg.</summary>
    Ready,

    /// <summary>Its leg's job.</summary>
    Running,

    /// <summary>To be judged.</summary>
    AtRung,

    /// <summary>Nothing: it only has to be said how it ended.</summary>
    Settling,
    Ended,
}

/// <summary>One trial, as its sweep's decisions make it.</summary>
public sealed class TrialState
{
    private readonly List<TrialResult> results = [];
    private readonly SortedDictionary<int, LegStarted> legs = [];
    private readonly List<TrialContinued> takeovers = [];

    internal TrialState(TrialSuggested suggested)
    {
        Number = suggested.Trial;
        FirstParameters = Parameters = suggested.Parameters;
        Reason = suggested.Reason;
        StartedUnixMs = suggested.AtUnixMs;
    }

    public int Number { get; }

    public IReadOnlyList<ParameterValue> FirstParameters { get; }

    /// <summary>Others than the first ones where the trial took over another's state.</summary>
    public IReadOnlyList<ParameterValue> Parameters { get; private set; }

    public TrialPhase Phase { get; private set; }

    /// <summary>Null until it has ended.</summary>
    public TrialEnd? End { get; private set; }

    /// <summary>Why the last thing happened that was decided about it.</summary>
    public string Reason { get; private set; }

    public long StartedUnixMs { get; }

    /// <summary>0 until it has ended.</summary>
    public long EndedUnixMs { get; private set; }

    /// <summary>After each epoch at which a leg ended, ascending.</summary>
    public IReadOnlyList<TrialResult> Results => results;

    /// <summary>How many numbers its network learns; 0 until it was made.</summary>
    public long ParameterCount { get; private set; }

    /// <summary>Floating-point operations to classify one image; 0 until it was made.</summary>
    public long Flops { get; private set; }

    /// <summary>The last epoch that it has come to and stayed at.</summary>
    public int Epoch => results.Count == 0 ? 0 : results[^1].Epoch;

    /// <summary>How many legs it has had; the last one's number.</summary>
    public int LegCount => legs.Count;

    /// <summary>The leg that runs, or the last one.</summary>
    public LegStarted? Leg => legs.Count == 0 ? null : legs[legs.Count];

    /// <summary>All legs by number; each began from its own state or another trial's.</summary>
    public IReadOnlyCollection<LegStarted> Legs => legs.Values;

    /// <summary>Where it went on from another trial's state, with other parameters.</summary>
    public IReadOnlyList<TrialContinued> Takeovers => takeovers;

    /// <summary>How often it broke since it last came to where a leg was to end.</summary>
    public int Breaks { get; private set; }

    /// <summary>How the last leg ended; null while one runs.</summary>
    public LegOutcome? Outcome { get; private set; }

    /// <summary>
    /// Whose state the next leg takes over, unless the trial has got further since; -1 where its
    /// own.
    /// </summary>
    public int NextSource { get; private set; } = -1;

    /// <summary>A figure of one of its results.</summary>
    public double Value(ObjectiveMetric metric, TrialResult result) => metric switch
    {
        ObjectiveMetric.TestAccuracy => result.TestAccuracy,
        ObjectiveMetric.TestLoss => result.TestLoss,
        ObjectiveMetric.TrainLoss => result.TrainLoss,
        ObjectiveMetric.TrainAccuracy => result.TrainAccuracy,
        ObjectiveMetric.ImagesPerSecond => result.ImagesPerSecond,
        ObjectiveMetric.Parameters => ParameterCount,
        ObjectiveMetric.Flops => Flops,
        _ => throw new InvariantException($"no trial has a {metric}"),
    };

    internal void Size(TrialSized sized)
    {
        ParameterCount = sized.ParameterCount;
        Flops = sized.Flops;
    }

    internal void Start(LegStarted leg)
    {
        Invariant.Check(
            Phase == TrialPhase.Ready && leg.Leg == legs.Count + 1,
            "a trial has one leg after the other");
        legs.Add(leg.Leg, leg);
        Phase = TrialPhase.Running;
        Outcome = null;
        NextSource = -1;
    }

    internal void Finish(LegEnded ended, int epochs)
    {
        Invariant.Check(
            Phase == TrialPhase.Running && ended.Leg == legs.Count, "the leg that runs ends");
        Outcome = ended.Outcome;
        // Who was to take over another's state and did not get anywhere does so again.
        NextSource = ended.Outcome.End == LegEnd.Reached ? -1 : Leg!.Source;
        switch (ended.Outcome.End)
        {
            case LegEnd.Reached:
                results.Add(ended.Outcome.Result!);
                Breaks = 0;
                // Where epochs vary, a run is over when its own are.
                bool isOver = Epoch == epochs || results[^1].ParametersSha256.Length > 0;
                Phase = isOver ? TrialPhase.Settling : TrialPhase.AtRung;
                break;
            case LegEnd.Broken:
                Breaks++;
                Reason = ended.Outcome.Message;
                Phase = TrialPhase.Settling;
                break;
            case LegEnd.Hopeless:
                Reason = ended.Outcome.Message;
                Phase = TrialPhase.Settling;
                break;
            default:
                Phase = TrialPhase.Ready;
                break;
        }
    }

    /// <summary>It broke, but may be tried again.</summary>
    internal void Again()
    {
        Invariant.Check(Phase == TrialPhase.Settling, "only who has stopped tries again");
        Phase = TrialPhase.Ready;
    }

    internal void Continue(TrialContinued continued)
    {
        Invariant.Check(Phase == TrialPhase.AtRung, "who is judged stands at a rung");
        Parameters = continued.Parameters;
        NextSource = continued.Source;
        Reason = continued.Reason;
        if (continued.Source >= 0)
            takeovers.Add(continued);
        Phase = TrialPhase.Ready;
    }

    internal void Conclude(TrialEnded ended)
    {
        Invariant.Check(End is null, "a trial ends once");
        End = ended.End;
        Reason = ended.Reason;
        EndedUnixMs = ended.AtUnixMs;
        Phase = TrialPhase.Ended;
    }

    internal void Revive()
    {
        Invariant.Check(End is TrialEnd.Failed, "who is retried has failed");
        End = null;
        Breaks = 0;
        EndedUnixMs = 0;
        Phase = TrialPhase.Ready;
    }
}
