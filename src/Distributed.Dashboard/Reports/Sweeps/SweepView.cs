using System.Globalization;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Dashboard.Reports.Sweeps;

/// <summary>
/// A sweep's trials in order of merit, and the parameters that differ between them.
/// </summary>
internal sealed class SweepView
{
    private readonly Dictionary<int, Dictionary<string, string>> _texts;

    public SweepView(SweepResults results)
    {
        Results = results;
        _texts = results.Trials.ToDictionary(
            trial => trial.Number,
            trial => trial.Parameters.ToDictionary(value => value.Name, value => value.Text));
        Ranked =
        [
            .. results.Trials.Where(trial => IsRanked(trial))
                .OrderBy(trial => trial.State != ObservationState.Completed)
                .ThenBy(trial => Objective.IsMaximized ? -Value(trial) : Value(trial))
                .ThenBy(trial => trial.Number),
        ];
        Unranked = [.. results.Trials.Where(trial => !IsRanked(trial))];
        Varied = [.. FindVaried()];
    }

    public SweepResults Results { get; }

    public SweepObjective Objective => Results.Objectives[0];

    /// <summary>Those with a value, completed ones first, from best to worst.</summary>
    public IReadOnlyList<SweepTrial> Ranked { get; }

    /// <summary>Those that have no value to compare.</summary>
    public IReadOnlyList<SweepTrial> Unranked { get; }

    /// <summary>Parameters that are not the same in all trials.</summary>
    public IReadOnlyList<VariedParameter> Varied { get; }

    public bool HasSeeds => Results.Trials.Select(trial => trial.Configuration).Distinct().Count()
        < Results.Trials.Count;

    public static double Value(SweepTrial trial, int objective = 0) => trial.Objectives[objective];

    public static string Show(SweepObjective objective, double value) =>
        ReportNumbers.Show(value, objective.IsShare);

    public static Axis AxisOf(SweepObjective objective) =>
        new(objective.Name) { IsShare = objective.IsShare };

    /// <summary>Null where the trial has no such parameter.</summary>
    public string? Text(SweepTrial trial, VariedParameter parameter) =>
        Text(trial, parameter.Key);

    /// <summary>The name by which the report calls a parameter.</summary>
    public string NameOf(string key) =>
        Varied.FirstOrDefault(parameter => parameter.Key == key)?.Name ?? key;

    /// <summary>
    /// What tells this trial from the others, such as `learningRate=0.01, conv[0].filters=32`.
    /// </summary>
    public string Describe(SweepTrial trial) => string.Join(
        ", ",
        Varied.Select(parameter => (parameter.Name, Text: Text(trial, parameter)))
            .Where(pair => pair.Text is not null)
            .Select(pair => $"{pair.Name}={pair.Text}"));

    private string? Text(SweepTrial trial, string key) =>
        _texts[trial.Number].GetValueOrDefault(key);

    private bool IsRanked(SweepTrial trial) =>
        trial.State is ObservationState.Completed or ObservationState.Stopped
        && trial.Objectives.Count == Results.Objectives.Count
        && trial.Objectives.All(double.IsFinite);

    private IEnumerable<VariedParameter> FindVaried()
    {
        string[] keys =
        [
            .. Results.Trials.SelectMany(trial => trial.Parameters).Select(value => value.Name)
                .Distinct(),
        ];
        foreach (string key in keys)
        {
            string?[] found = [.. Results.Trials.Select(trial => Text(trial, key)).Distinct()];
            if (found.Length < 2)
                continue;
            string[] texts = [.. found.OfType<string>()];
            bool isNumeric = texts.All(text => Number(text) is not null);
            string[] ordered = isNumeric
                ? [.. texts.OrderBy(Number)]
                : [.. texts.Order(StringComparer.Ordinal)];
            yield return new VariedParameter(
                key, VariedParameter.ShortName(key, keys), ordered, isNumeric,
                IsEverywhere: texts.Length == found.Length);
        }
    }

    /// <summary>Null for what is no number.</summary>
    internal static double? Number(string? text) => double.TryParse(
        text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
        && double.IsFinite(value) ? value : null;
}
