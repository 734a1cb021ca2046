using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;
using Distributed.Runtime.Observers;

namespace Distributed.Cli.Nodes;

/// <summary>A node's log: one line a record on standard error.</summary>
internal static class NodeLog
{
    private static readonly JsonWriterOptions Options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <param name="terminal">Its standard error takes the lines.</param>
    /// <param name="threshold">Which records are written.</param>
    /// <param name="format">How they are.</param>
    /// <param name="node">Who writes; told in JSON alone.</param>
    public static Action<ActorLogRecord> To(
        Terminal terminal, LogThreshold threshold, LogFormat format, string node)
    {
        TextWriter error = TextWriter.Synchronized(terminal.Error);
        return record =>
        {
            if (threshold.Takes(record.Level))
            {
                error.WriteLine(
                    format == LogFormat.Json ? Json(record, node) : Text(record));
            }
        };
    }

    /// <summary>
    /// What came from elsewhere, such as a worker's name, can neither begin a line nor move the
    /// cursor. An exception keeps its lines, each set in.
    /// </summary>
    internal static string Text(ActorLogRecord record)
    {
        string cause = record.Exception is null
            ? ""
            : ": " + string.Join(
                "\n  ",
                $"{record.Exception}".Split('\n').Select(line => Shown.Line(line.TrimEnd('\r'))));
        return $"{Time(record)} {Level(record)} {Shown.Line(record.Source)} "
            + Shown.Line(record.Text) + cause;
    }

    internal static string Json(ActorLogRecord record, string node)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, Options))
        {
            json.WriteStartObject();
            json.WriteString("time", Time(record));
            json.WriteString("level", Level(record));
            json.WriteString("node", node);
            json.WriteString("source", record.Source);
            json.WriteString("text", record.Text);
            foreach (LogField field in record.Fields ?? [])
                Write(json, field);
            if (record.Exception is { } exception)
                json.WriteString("exception", exception.ToString());
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    private static void Write(Utf8JsonWriter json, LogField field)
    {
        if (field.Value is int or long)
        {
            json.WriteNumber(
                field.Name, Convert.ToInt64(field.Value, CultureInfo.InvariantCulture));
        }
        else
        {
            json.WriteString(
                field.Name, Convert.ToString(field.Value, CultureInfo.InvariantCulture));
        }
    }

    private static string Time(ActorLogRecord record) =>
        record.Utc.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static string Level(ActorLogRecord record) =>
        record.Level.ToString().ToUpperInvariant();
}
