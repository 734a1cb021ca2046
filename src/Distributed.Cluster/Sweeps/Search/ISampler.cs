namespace Distributed.Cluster.Sweeps.Search;

/// <summary>
/// Says which configuration to try next. A pure function of the seed it was made with, the number
/// and the observations: the same again gives the same, in any process.
/// </summary>
public interface ISampler
{
    /// <summary>
    /// Whether the observations matter; where they do not, any number may be asked for at any time.
    /// </summary>
    bool Learns { get; }

    /// <summary>How many configurations there are at all; null where there is no end.</summary>
    int? Count { get; }

    /// <param name="number">Of the configuration, from 0.</param>
    /// <param name="observations">Of the configurations before, in the order of their
    /// numbers.</param>
    Suggestion Suggest(int number, IReadOnlyList<Observation> observations);
}

/// <summary>A configuration and why it is the next one.</summary>
/// <param name="Parameters">Of all dimensions that are there, in the space's order.</param>
public sealed record Suggestion(IReadOnlyList<ParameterValue> Parameters, string Reason);

/// <summary>What is known of a configuration.</summary>
/// <param name="Number">Of the configuration.</param>
/// <param name="Parameters">As they were suggested.</param>
/// <param name="State">How far it has come.</param>
/// <param name="Losses">One for each objective, less is better; empty where there are none yet. Of
/// a configuration that was stopped early, those of the last epoch it came to.</param>
/// <param name="Epoch">After which the losses were taken.</param>
public sealed record Observation(
    int Number, IReadOnlyList<ParameterValue> Parameters, ObservationState State,
    IReadOnlyList<double> Losses, int Epoch);

public enum ObservationState
{
    /// <summary>It runs.</summary>
    Pending,

    /// <summary>It ran to its end.</summary>
    Completed,

    /// <summary>It was stopped early, because others did better.</summary>
    Stopped,

    /// <summary>It failed: its loss was not a number, or something broke again and again.</summary>
    Failed,
}
