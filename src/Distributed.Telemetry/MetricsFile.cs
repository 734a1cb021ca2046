using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Distributed.Kernel;

namespace Distributed.Telemetry;

/// <summary>
/// A run's <c>metrics.jsonl</c>: one JSON object a line, appended. Not for several threads at once.
/// </summary>
public sealed class MetricsFile : IDisposable
{
    private const string StepName = "step";

    private readonly FileStream file;
    private readonly ArrayBufferWriter<byte> buffer = new();

    /// <summary>
    /// Opens the file, creating it if need be. A last line that a crash has torn is removed.
    /// </summary>
    public MetricsFile(string path) => file = Disk.Do(path, () =>
    {
        var stream = new FileStream(
            path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        stream.SetLength(WholeLinesLength(stream));
        stream.Seek(0, SeekOrigin.End);
        return stream;
    });

    public string Path => file.Name;

    /// <summary>
    /// Appends one line. Numbers that JSON has not (NaN, infinities) are written as strings.
    /// </summary>
    public void Append(params ReadOnlySpan<(string Name, object? Value)> fields)
    {
        buffer.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var (name, value) in fields)
            {
                json.WritePropertyName(name);
                WriteValue(json, value);
            }
            json.WriteEndObject();
        }
        buffer.Write("\n"u8);
        Disk.Do(Path, () => file.Write(buffer.WrittenSpan));
    }

    /// <summary>Hands everything to the operating system.</summary>
    public void Flush() => Disk.Do(Path, file.Flush);

    public void Dispose() => Disk.Do(Path, file.Dispose);

    /// <summary>
    /// Drops the lines whose <c>step</c> is after <paramref name="stepLast"/>, and a torn last
    /// line; lines without a step stay. The file is replaced at once or not at all. No file is as
    /// good as an empty one.
    /// </summary>
    public static void Truncate(string path, long stepLast)
    {
        if (!File.Exists(path))
        {
            return;
        }
        Disk.Do(path, () =>
        {
            var kept = LinesUpTo(stepLast, File.ReadAllBytes(path), path);
            var temporary = path + ".tmp";
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                stream.Write(kept);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        });
    }

    private static byte[] LinesUpTo(long stepLast, ReadOnlySpan<byte> content, string path)
    {
        var kept = new MemoryStream(content.Length);
        var lineNumber = 1;
        while (content.IndexOf((byte)'\n') is var end && end >= 0)
        {
            var line = content[..(end + 1)];
            if (StepOf(line, path, lineNumber) is not { } step || step <= stepLast)
            {
                kept.Write(line);
            }
            content = content[(end + 1)..];
            lineNumber++;
        }
        return kept.ToArray();
    }

    private static long? StepOf(ReadOnlySpan<byte> line, string path, int lineNumber)
    {
        try
        {
            var json = new Utf8JsonReader(line);
            json.Read();
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                var isStep = json.ValueTextEquals(StepName);
                json.Read();
                if (isStep)
                {
                    return json.GetInt64();
                }
                json.Skip();
            }
            return null;
        }
        catch (Exception malformed) when (malformed
            is JsonException or InvalidOperationException or FormatException)
        {
            throw new OperatingException(
                $"{path} line {lineNumber} is no JSON object with a whole number as its step; "
                + "remove the line", inner: malformed);
        }
    }

    /// <summary>Everything up to the last end of a line.</summary>
    private static long WholeLinesLength(FileStream stream)
    {
        Span<byte> last = stackalloc byte[1];
        for (var length = stream.Length; length > 0; length--)
        {
            stream.Seek(length - 1, SeekOrigin.Begin);
            stream.ReadExactly(last);
            if (last[0] == '\n')
            {
                return length;
            }
        }
        return 0;
    }

    private static void WriteValue(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNullValue();
                break;
            case string text:
                json.WriteStringValue(text);
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case int number:
                json.WriteNumberValue(number);
                break;
            case long number:
                json.WriteNumberValue(number);
                break;
            case float number when float.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case double number when double.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case float or double:
                json.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture));
                break;
            default:
                Invariant.Broken($"a metric can not be a {value.GetType()}");
                break;
        }
    }
}
