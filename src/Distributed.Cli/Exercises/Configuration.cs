using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Analysis;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cli.Exercises;

/// <summary>One setting of what a sweep varies, with what its completed trials came to.</summary>
/// <param name="Trials">One or more, a seed each.</param>
internal sealed record Configuration(
    IReadOnlyList<ParameterValue> Parameters, IReadOnlyList<TrialState> Trials)
{
    /// <summary>The mean over the seeds.</summary>
    public double Accuracy => Mean(result => result.TestAccuracy);

    /// <summary>Of the mean; null where there is one seed, which says nothing of others.</summary>
    public Interval? Interval =>
        Confidence.OfMean([.. Trials.Select(trial => trial.Results[^1].TestAccuracy)]);

    public double ImagesPerSecond => Mean(result => result.ImagesPerSecond);

    public long ParameterCount => Trials[0].ParameterCount;

    public long Flops => Trials[0].Flops;

    /// <summary>Those with a completed trial, in the order of the sweep.</summary>
    public static IReadOnlyList<Configuration> Completed(SweepState state) =>
    [
        .. state.Trials
            .Where(trial => trial.End is TrialEnd.Completed && trial.Results.Count > 0)
            .GroupBy(trial => state.Description.ConfigurationOf(trial.Number))
            .OrderBy(group => group.Key)
            .Select(group => new Configuration(group.First().Parameters, [.. group])),
    ];

    /// <summary>The value of a dimension; null where it is not there.</summary>
    public string? Text(string dimension) =>
        Parameters.FirstOrDefault(value => value.Name == dimension)?.Text;

    /// <summary>
    /// Whether it is better by more than seeds can explain: their intervals do not overlap.
    /// </summary>
    public bool IsClearlyAbove(Configuration other) =>
        Interval is { } own && other.Interval is { } others && own.Low > others.High;

    private double Mean(Func<TrialResult, double> figure) =>
        Trials.Average(trial => figure(trial.Results[^1]));
}
