using Distributed.Cluster.Sweeps;

namespace Distributed.Runtime.Observers;

/// <summary>Says what was decided about a sweep in one line.</summary>
internal static class SweepHappenings
{
    /// <summary>Null for what is not worth one.</summary>
    public static (string Text, bool IsFailure)? Describe(SweepDecision decision) =>
        decision switch
        {
            SweepSubmitted submitted => (
                $"it is taken on with {submitted.Description.Limits.Trials} trials", false),
            TrialEnded { End: TrialEnd.Failed } failed => (
                $"trial {failed.Trial} has failed: {failed.Reason}", true),
            TrialEnded ended => ($"trial {ended.Trial} has {Word(ended.End)}", false),
            TrialRetried retried => ($"trial {retried.Trial} is tried again", false),
            SweepPaused paused => ($"it is paused: {paused.Reason}", true),
            SweepResumed => ("it is resumed", false),
            SweepStopped stopped => ($"it stops: {stopped.Reason}", false),
            TrialsAdded added => ($"{added.Count} trials are added", false),
            WorkerBenched benched => ($"{benched.Worker} gets no trial: {benched.Reason}", true),
            SweepEnded ended => ($"it has ended: {ended.Reason}", false),
            _ => null,
        };

    /// <summary>As a trial's state is written.</summary>
    public static string Word(TrialEnd end) => end switch
    {
        TrialEnd.Completed => "completed",
        TrialEnd.Stopped => "stopped",
        TrialEnd.Failed => "failed",
        _ => "cancelled",
    };
}
