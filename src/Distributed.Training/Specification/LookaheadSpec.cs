namespace Distributed.Training.Specification;

/// <summary>
/// A slow copy of the parameters that the optimizer's own come back to (Zhang and others,
/// "Lookahead Optimizer", 2019): every few steps the copy moves towards them, and they move to the
/// copy; after the run's last step they are the copy.
/// </summary>
/// <param name="FinalDecay">
/// The share of itself that the copy keeps at the end of the run; it rises from 0 with the cube of
/// the steps done.
/// </param>
public sealed record LookaheadSpec(int EverySteps, double FinalDecay)
{
    /// <summary>What a run gets that asks for it and says nothing more.</summary>
    internal static LookaheadSpec Default { get; } = new(EverySteps: 5, FinalDecay: 0.8);
}
