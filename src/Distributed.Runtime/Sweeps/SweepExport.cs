using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>A trial as it is handed to other programs.</summary>
/// <param name="Status">Such as completed, stopped, failed or running.</param>
/// <param name="Reason">Why it ended so; may be empty.</param>
/// <param name="Parameters">Its present ones.</param>
/// <param name="ParameterCount">How many numbers its network learns; null until it was
/// made.</param>
/// <param name="Flops">To classify one image; null until the network was made.</param>
/// <param name="Result">After its last epoch; null before the first.</param>
public sealed record ExportedTrial(
    int Trial, int Configuration, ulong Seed, string Status, string Reason,
    IReadOnlyList<ParameterValue> Parameters, long? ParameterCount, long? Flops,
    TrialResult? Result);

/// <summary>
/// Writes trials as a table with the same columns for all: every dimension of the space and every
/// metric, empty where a trial does not have it.
/// </summary>
public static class SweepExport
{
    private static readonly (string Name, Func<TrialResult, object> Of)[] Metrics =
    [
        ("epoch", result => result.Epoch),
        ("trainLoss", result => result.TrainLoss),
        ("trainAccuracy", result => result.TrainAccuracy),
        ("testLoss", result => result.TestLoss),
        ("testAccuracy", result => result.TestAccuracy),
        ("imagesPerSecond", result => result.ImagesPerSecond),
        ("seconds", result => result.Seconds),
        ("parametersSha256", result => result.ParametersSha256),
    ];

    /// <summary>The names of all columns, in order.</summary>
    public static IReadOnlyList<string> Columns(SearchSpace space) =>
    [
        "trial", "configuration", "seed", "status", "reason",
        .. space.Dimensions.Select(dimension => dimension.Name), "parameters", "flops",
        .. Metrics.Select(metric => metric.Name),
    ];

    /// <summary>RFC 4180 with a header line.</summary>
    public static string ToCsv(SearchSpace space, IEnumerable<ExportedTrial> trials)
    {
        var text = new StringBuilder();
        void Line(IEnumerable<string> fields) =>
            text.AppendJoin(',', fields.Select(Quoted)).Append("\r\n");
        Line(Columns(space));
        foreach (ExportedTrial trial in trials)
            Line(Row(space, trial).Select(Word));
        return text.ToString();
    }

    /// <summary>An array of objects, one a line; what a trial does not have is null, and so is
    /// what is no number.</summary>
    public static string ToJson(SearchSpace space, IEnumerable<ExportedTrial> trials)
    {
        IReadOnlyList<string> columns = Columns(space);
        IEnumerable<string> rows = trials.Select(trial => JsonRow(columns, Row(space, trial)));
        return $"[\n{string.Join(",\n", rows)}\n]\n";
    }

    private static IEnumerable<object?> Row(SearchSpace space, ExportedTrial trial) =>
    [
        trial.Trial, trial.Configuration, trial.Seed, trial.Status, trial.Reason,
        .. space.Dimensions.Select(dimension => Parameter(dimension, trial)),
        trial.ParameterCount, trial.Flops,
        .. Metrics.Select(metric => trial.Result is { } result ? metric.Of(result) : null),
    ];

    private static object? Parameter(Dimension dimension, ExportedTrial trial)
    {
        string? text = trial.Parameters
            .FirstOrDefault(parameter => parameter.Name == dimension.Name)?.Text;
        bool isNumber = double.TryParse(
                text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            && double.IsFinite(number);
        return isNumber ? number : text;
    }

    private static string Word(object? value) => value switch
    {
        null => "",
        double number => SpecWords.Of(number),
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => (string)value,
    };

    private static string Quoted(string field) =>
        field.AsSpan().ContainsAny(",\"\r\n")
            ? $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\""
            : field;

    private static string JsonRow(IReadOnlyList<string> columns, IEnumerable<object?> values)
    {
        using var bytes = new MemoryStream();
        var options = new JsonWriterOptions
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };
        using (var json = new Utf8JsonWriter(bytes, options))
        {
            json.WriteStartObject();
            foreach ((string column, object? value) in columns.Zip(values))
            {
                json.WritePropertyName(column);
                if (value is null or double.NaN or double.PositiveInfinity
                    or double.NegativeInfinity)
                {
                    json.WriteNullValue();
                }
                else if (value is string text)
                {
                    json.WriteStringValue(text);
                }
                else
                {
                    json.WriteRawValue(Word(value));
                }
            }
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
