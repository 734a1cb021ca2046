using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Distributed.Kernel;

namespace Distributed.Telemetry;

/// <summary>
/// A run's <c>metrics.jsonl</c>: one JSON object a line, appended. Not for several threads at once.
/// </summary>
public sealed class MetricsFile : IDisposable
{
    public const string FileName = "metrics.jsonl";
    private const string StepName = "step";

    private readonly FileStream file;
    private readonly ArrayBufferWriter<byte> waiting = new();

    /// <summary>
    /// Opens the file, creating it if need be, and cuts off a last line that a crash has torn. The
    /// file is replaced by its copy: a writer that still has it open writes where nobody looks.
    /// Once the folder's entries are on the disk, so is the file.
    /// </summary>
    public MetricsFile(string path)
    {
        Path = path;
        file = Replace(path, (_, _) => true);
    }

    public string Path { get; }

    /// <summary>
    /// Appends one line. Numbers that JSON has not (NaN, infinities) are written as strings.
    /// </summary>
    public void Append(params ReadOnlySpan<(string Name, object? Value)> fields)
    {
        using (var json = new Utf8JsonWriter(waiting))
        {
            json.WriteStartObject();
            foreach (var (name, value) in fields)
            {
                json.WritePropertyName(name);
                WriteValue(json, value);
            }
            json.WriteEndObject();
        }
        waiting.Write("\n"u8);
    }

    /// <summary>Hands everything to the operating system.</summary>
    public void Flush() => Disk.Do(Path, () =>
    {
        file.Write(waiting.WrittenSpan);
        waiting.ResetWrittenCount();
        file.Flush();
    });

    /// <summary>
    /// Returns once all lines are on the disk. Throws <see cref="FileReplacedException"/> where
    /// another has opened the file in the meantime, who does not see them.
    /// </summary>
    public void Commit()
    {
        Flush();
        Disk.Do(Path, () => file.Flush(flushToDisk: true));
        // A writer that was replaced finds the other's file there. A chance match of the lengths
        // would only hide that this one has been replaced, which it is told otherwise too.
        var found = new FileInfo(Path);
        if (!found.Exists || found.Length != file.Length)
        {
            throw new FileReplacedException(
                $"{Path} is not the file that was opened any more, expected no other writer; look "
                + "for another coordinator that records the same run");
        }
    }

    /// <summary>Closes the file without what has not been flushed.</summary>
    public void Abandon() => Disk.Do(Path, file.Dispose);

    public void Dispose()
    {
        try
        {
            Flush();
        }
        finally
        {
            Abandon();
        }
    }

    /// <summary>
    /// The lines of the file at <paramref name="path"/>, each valid until the next is asked for,
    /// without a torn last one; no file is as good as an empty one. Throws
    /// <see cref="OperatingException"/> at a line that is not JSON.
    /// </summary>
    /// <param name="path">The file's.</param>
    /// <param name="mark">Lines without this text are passed over, which is much faster than
    /// reading them.</param>
    public static IEnumerable<JsonElement> Read(string path, string mark = "")
    {
        var wanted = Encoding.UTF8.GetBytes(mark);
        using var source = Replacement.Source(path);
        var lineNumber = 1;
        foreach (var line in WholeLines(source))
        {
            if (line.Span.IndexOf(wanted) >= 0)
            {
                using var json = Parse(line, path, lineNumber);
                yield return json.RootElement;
            }
            lineNumber++;
        }
    }

    /// <summary>
    /// Clears away what openers left in a run's folder that died, of event files too. Only while
    /// nobody writes: a file in the making looks the same.
    /// </summary>
    public static void SweepStale(string folder) =>
        Disk.Do(folder, () => Replacement.SweepStale(folder));

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
        using var file = Replace(
            path,
            (line, number) => StepOf(line, path, number) is not { } step || step <= stepLast);
    }

    private static FileStream Replace(
        string path, Func<ReadOnlyMemory<byte>, int, bool> keeps) => Disk.Do(
            path, () => Replacement.Open(path, path, copy =>
            {
                using var source = Replacement.Source(path);
                var lineNumber = 1;
                foreach (var line in WholeLines(source))
                {
                    if (keeps(line, lineNumber++))
                    {
                        copy.Write(line.Span);
                    }
                }
            }));

    /// <summary>
    /// The lines with their ends, up to where a crash has torn the file. What a machine that died
    /// has not written any more reads as zeros.
    /// </summary>
    private static IEnumerable<ReadOnlyMemory<byte>> WholeLines(FileStream? source)
    {
        var buffer = new byte[1 << 16];
        var start = 0;
        var length = 0;
        while (source is not null)
        {
            var end = buffer.AsSpan(start, length - start).IndexOf((byte)'\n');
            if (end >= 0)
            {
                var line = buffer.AsMemory(start, end + 1);
                if (line.Span.Contains((byte)0))
                {
                    yield break;
                }
                yield return line;
                start += end + 1;
                continue;
            }
            length -= start;
            Buffer.BlockCopy(buffer, start, buffer, 0, length);
            start = 0;
            if (length == buffer.Length)
            {
                Array.Resize(ref buffer, 2 * length);
            }
            var read = source.Read(buffer, length, buffer.Length - length);
            if (read == 0)
            {
                yield break;
            }
            length += read;
        }
    }

    private static JsonDocument Parse(ReadOnlyMemory<byte> line, string path, int lineNumber)
    {
        try
        {
            return JsonDocument.Parse(line);
        }
        catch (JsonException malformed)
        {
            throw new OperatingException(
                $"{path} line {lineNumber} is no JSON object; remove the line", inner: malformed);
        }
    }

    private static long? StepOf(ReadOnlyMemory<byte> line, string path, int lineNumber)
    {
        using var json = Parse(line, path, lineNumber);
        try
        {
            return json.RootElement.TryGetProperty(StepName, out var step)
                ? step.GetInt64()
                : null;
        }
        catch (Exception malformed) when (malformed
            is InvalidOperationException or FormatException)
        {
            throw new OperatingException(
                $"{path} line {lineNumber} is no JSON object with a whole number as its step; "
                + "remove the line", inner: malformed);
        }
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
