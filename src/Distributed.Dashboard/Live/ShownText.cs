using System.Text.Json;
using System.Text.Json.Serialization;
using Distributed.Kernel;

namespace Distributed.Dashboard.Live;

/// <summary>
/// All texts that go to the page: names, reasons and log lines are those of others, and what would
/// turn their direction around or hide is written out. The page itself reads no text as HTML.
/// </summary>
internal sealed class ShownText : JsonConverter<string>
{
    public override string? Read(
        ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString();

    public override void Write(
        Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Shown.Line(value));
}
