using System.Text.Json;
using System.Text.Json.Serialization;
using Xunit.Abstractions;

namespace Distributed.Process.Tests;

/// <summary>
/// Times that were measured while something else was tested; no test is decided by them. They go to
/// the test's output and, where <c>DISTRIBUTED_CHAOS_FIGURES</c> names a folder, into a file there.
/// </summary>
internal sealed class Figures(string name, string description, ITestOutputHelper output)
{
    private const int ListedMax = 200;

    private static readonly JsonSerializerOptions Readable = new()
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private readonly Dictionary<string, List<double>> _values = [];

    /// <param name="what">With its unit.</param>
    /// <param name="value">One more of it.</param>
    public void Add(string what, double value)
    {
        if (!_values.TryGetValue(what, out List<double>? values))
            _values.Add(what, values = []);
        values.Add(Math.Round(value, 1));
    }

    public void Write()
    {
        var figures = _values.ToDictionary(
            pair => pair.Key,
            pair => new
            {
                count = pair.Value.Count,
                median = Quantile(pair.Value, 0.5),
                p90 = Quantile(pair.Value, 0.9),
                worst = pair.Value.Max(),
                all = pair.Value.Count > ListedMax ? null : string.Join(' ', pair.Value),
            });
        string text = JsonSerializer.Serialize(
            new { name, description, processors = Environment.ProcessorCount, figures }, Readable);
        output.WriteLine(text);
        string? folder = Environment.GetEnvironmentVariable("DISTRIBUTED_CHAOS_FIGURES");
        if (string.IsNullOrEmpty(folder))
            return;
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, name + ".json"), text + "\n");
    }

    /// <summary>The nearest of the values, none between two.</summary>
    private static double Quantile(List<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted[(int)Math.Ceiling(share * sorted.Length) - 1];
    }
}
