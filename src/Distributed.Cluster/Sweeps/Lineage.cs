using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Sweeps;

/// <summary>A part of a training that had one set of parameters.</summary>
/// <param name="Trial">Whose they were, and whose seed.</param>
public sealed record LineagePart(
    int Trial, IReadOnlyList<ParameterValue> Parameters, int UntilEpoch);

/// <summary>
/// How a trial came to its state: as a rule by itself; in population-based training perhaps by
/// beginning as another trial. Doing the same again gives the same bits.
/// </summary>
public static class Lineage
{
    /// <param name="state">The trial's sweep.</param>
    /// <param name="trial">The trial's number.</param>
    /// <param name="untilEpoch">Up to this epoch.</param>
    public static IReadOnlyList<LineagePart> Of(SweepState state, int trial, int untilEpoch)
    {
        var parts = new List<LineagePart>();
        Add(parts, state, trial, untilEpoch);
        return parts;
    }

    private static void Add(
        List<LineagePart> parts, SweepState state, int number, int untilEpoch)
    {
        TrialState trial = state.Trials[number];
        TrialContinued? takeover = trial.Takeovers.LastOrDefault(
            taken => taken.Epoch < untilEpoch);
        if (takeover is not null)
            Add(parts, state, takeover.Source, takeover.Epoch);
        parts.Add(new LineagePart(
            number, takeover?.Parameters ?? trial.FirstParameters, untilEpoch));
    }
}
