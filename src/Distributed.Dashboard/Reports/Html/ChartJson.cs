using System.Text.Json;
using System.Text.Json.Serialization;
using Distributed.Kernel;

namespace Distributed.Dashboard.Reports.Html;

/// <summary>
/// A chart as report.js reads it. The default encoder writes &lt;, &gt; and &amp; as escapes, so
/// that no text can end the script element that the JSON stands in.
/// </summary>
internal static class ChartJson
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters =
        {
            new NumberConverter(), new TextConverter(), new PointConverter(),
            new BandConverter(),
            new JsonStringEnumConverter(JsonNamingPolicy.CamelCase),
        },
    };

    public static string Of(Chart chart) =>
        JsonSerializer.Serialize(chart, chart.GetType(), s_options);

    private static void Write(Utf8JsonWriter json, double value)
    {
        // JSON has no NaN; nothing is drawn for null.
        if (double.IsFinite(value))
            json.WriteNumberValue(value);
        else
            json.WriteNullValue();
    }

    private abstract class Writer<T> : JsonConverter<T>
    {
        public override T Read(
            ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            throw new NotSupportedException("charts are only written");
    }

    private sealed class NumberConverter : Writer<double>
    {
        public override void Write(
            Utf8JsonWriter writer, double value, JsonSerializerOptions options) =>
            ChartJson.Write(writer, value);
    }

    private sealed class TextConverter : Writer<string>
    {
        public override void Write(
            Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Shown.Lines(value));
    }

    private sealed class PointConverter : Writer<ChartPoint>
    {
        public override void Write(
            Utf8JsonWriter writer, ChartPoint value, JsonSerializerOptions options)
        {
            writer.WriteStartArray();
            ChartJson.Write(writer, value.X);
            ChartJson.Write(writer, value.Y);
            writer.WriteEndArray();
        }
    }

    private sealed class BandConverter : Writer<BandPoint>
    {
        public override void Write(
            Utf8JsonWriter writer, BandPoint value, JsonSerializerOptions options)
        {
            writer.WriteStartArray();
            ChartJson.Write(writer, value.X);
            ChartJson.Write(writer, value.Low);
            ChartJson.Write(writer, value.High);
            writer.WriteEndArray();
        }
    }
}
