using Distributed.Telemetry.Wire;

namespace Distributed.Telemetry;

/// <summary>Charts that TensorBoard draws of several scalars each.</summary>
public sealed record ScalarsLayout(IReadOnlyList<ScalarsCategory> Categories)
{
    internal const string Tag = "custom_scalars__config__";

    internal Layout ToWire()
    {
        var layout = new Layout();
        foreach (var category in Categories)
        {
            var shown = new Category { Title = category.Title };
            foreach (var chart in category.Charts)
            {
                var lines = new MultilineChartContent();
                lines.Tag.AddRange(chart.TagPatterns);
                shown.Chart.Add(new Chart { Title = chart.Title, Multiline = lines });
            }
            layout.Category.Add(shown);
        }
        return layout;
    }
}

public sealed record ScalarsCategory(string Title, IReadOnlyList<ScalarsChart> Charts);

/// <param name="Title">Over the chart.</param>
/// <param name="TagPatterns">Regular expressions, matched from a tag's start.</param>
public sealed record ScalarsChart(string Title, IReadOnlyList<string> TagPatterns);
