using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cli.Reports;

/// <summary>What a report calls a dimension of a sweep.</summary>
/// <param name="Dimension">Its name in the sweep's space.</param>
/// <param name="Name">For readers.</param>
/// <param name="Texts">For readers, by the space's text; others stay as they are.</param>
internal sealed record ParameterLabel(
    string Dimension, string Name, IReadOnlyDictionary<string, string> Texts);

/// <summary>Shorter words for a sweep's dimensions and their values.</summary>
internal sealed class ParameterLabels(params IReadOnlyList<ParameterLabel> labels)
{
    /// <summary>Everything keeps the words of the sweep's space.</summary>
    public static ParameterLabels None { get; } = new();

    public string NameOf(string dimension) => Find(dimension)?.Name ?? dimension;

    public string TextOf(ParameterValue value) =>
        Find(value.Name)?.Texts.GetValueOrDefault(value.Text) ?? value.Text;

    public IReadOnlyList<ParameterValue> Apply(IReadOnlyList<ParameterValue> parameters) =>
        [.. parameters.Select(value => new ParameterValue(NameOf(value.Name), TextOf(value)))];

    /// <summary>Such as `filters 16, kernel 5`.</summary>
    public string Describe(IReadOnlyList<ParameterValue> parameters) => string.Join(
        ", ", Apply(parameters).Select(value => $"{value.Name} {value.Text}"));

    private ParameterLabel? Find(string dimension) =>
        labels.FirstOrDefault(label => label.Dimension == dimension);
}
