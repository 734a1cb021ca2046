using System.Text.Encodings.Web;
using System.Text.Json;

namespace Distributed.Cli.Output;

/// <summary>One JSON object on one line, for the --json of commands that print a record.</summary>
internal static class JsonLine
{
    private static readonly JsonSerializerOptions Options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    public static void WriteTo<T>(TextWriter output, T record) =>
        output.WriteLine(JsonSerializer.Serialize(record, Options));
}
