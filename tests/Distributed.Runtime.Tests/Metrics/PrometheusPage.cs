using System.Globalization;
using System.Text.RegularExpressions;

namespace Distributed.Runtime.Tests.Metrics;

/// <summary>
/// A page in Prometheus's text format 0.0.4, read strictly: what a scraper may pass over fails
/// here.
/// </summary>
internal sealed partial class PrometheusPage
{
    private const string Name = "(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)";

    private const string Label =
        "(?<label>[a-zA-Z_][a-zA-Z0-9_]*)=\"(?:[^\\\\\"\n]|\\\\[\\\\\"n])*\"";

    /// <summary>A comma stands between two labels and nowhere else.</summary>
    private const string Labels = @"(?<labels>\{(?:" + Label + @"(?:,(?!\})|(?=\})))+\})";

    private const string Value =
        @"(?<value>[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf)|NaN)";

    private readonly Dictionary<string, double> _samples = new(StringComparer.Ordinal);

    private PrometheusPage()
    {
    }

    /// <summary>Types by family, in their order.</summary>
    public Dictionary<string, string> Families { get; } = new(StringComparer.Ordinal);

    /// <summary>By name and labels, as written.</summary>
    public IReadOnlyDictionary<string, double> Samples => _samples;

    public double this[string series] => _samples[series];

    public static PrometheusPage Read(string text)
    {
        var page = new PrometheusPage();
        Assert.True(text.Length == 0 || text.EndsWith('\n'), "the last line ends");
        Assert.DoesNotContain('\r', text);
        string family = "", type = "", helped = "";
        foreach (string line in text.Split('\n').SkipLast(1))
        {
            if (Help().Match(line) is { Success: true } help)
            {
                helped = help.Groups[1].Value;
                Assert.False(page.Families.ContainsKey(helped), $"{helped} comes twice");
            }
            else if (TypeLine().Match(line) is { Success: true } typed)
            {
                (family, type) = (typed.Groups[1].Value, typed.Groups[2].Value);
                Assert.True(page.Families.TryAdd(family, type), $"{family} comes twice");
                Assert.Equal(helped, family);
            }
            else
            {
                page.AddSample(line, family, type);
            }
        }

        page.CheckHistograms();
        return page;
    }

    private void AddSample(string line, string family, string type)
    {
        Match sample = Sample().Match(line);
        Assert.True(sample.Success, $"no sample: {line}");
        string name = sample.Groups["name"].Value;
        string[] allowed = type == "histogram"
            ? [family + "_bucket", family + "_sum", family + "_count"]
            : [family];
        Assert.Contains(name, allowed);
        Assert.Equal(type == "counter", family.EndsWith("_total", StringComparison.Ordinal));
        string[] labels = [.. sample.Groups["label"].Captures.Select(label => label.Value)];
        Assert.Equal(labels.Distinct().Count(), labels.Length);
        Assert.DoesNotContain(labels, label => label.StartsWith("__", StringComparison.Ordinal));
        double value = Number(sample.Groups["value"].Value);
        Assert.False(type == "counter" && value < 0, $"a counter below 0: {line}");
        string series = name + sample.Groups["labels"].Value;
        Assert.True(_samples.TryAdd(series, value), $"{series} comes twice");
    }

    /// <summary>Buckets grow, and the last one is the count.</summary>
    private void CheckHistograms()
    {
        foreach (string family in Families.Where(one => one.Value == "histogram")
            .Select(one => one.Key))
        {
            var series = _samples
                .Where(sample => sample.Key.StartsWith(
                    family + "_bucket{", StringComparison.Ordinal))
                .GroupBy(sample => Bound().Replace(sample.Key[(family + "_bucket").Length..], ""));
            foreach (var buckets in series)
            {
                double[] counts = [.. buckets.Select(bucket => bucket.Value)];
                Assert.Equal(counts.Order(), counts);
                Assert.Contains("le=\"+Inf\"", buckets.Last().Key);
                string labels = buckets.Key.Replace("{}", "", StringComparison.Ordinal);
                Assert.Equal(counts[^1], _samples[family + "_count" + labels]);
                Assert.True(_samples.ContainsKey(family + "_sum" + labels));
            }
        }
    }

    private static double Number(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        "NaN" => double.NaN,
        _ => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
    };

    [GeneratedRegex(@"^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\\n]|\\\\|\\n)*)$")]
    private static partial Regex Help();

    [GeneratedRegex(@"^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$")]
    private static partial Regex TypeLine();

    [GeneratedRegex("^" + Name + Labels + "? " + Value + "$")]
    private static partial Regex Sample();

    [GeneratedRegex(",?le=\"[^\"]*\"")]
    private static partial Regex Bound();
}
