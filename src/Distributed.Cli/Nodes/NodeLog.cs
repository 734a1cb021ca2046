using System.Globalization;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;

namespace Distributed.Cli.Nodes;

/// <summary>A node's log: one line a record on standard error.</summary>
internal static class NodeLog
{
    public static Action<ActorLogRecord> To(Terminal terminal, LogLevel least)
    {
        TextWriter error = TextWriter.Synchronized(terminal.Error);
        return record =>
        {
            if (!IsWritten(record.Level, least))
                return;
            string time = record.Utc.ToString(
                "yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
            string level = record.Level.ToString().ToUpperInvariant();
            string cause = record.Exception is null ? "" : $": {record.Exception}";
            error.WriteLine($"{time} {level} {record.Source} {record.Text}{cause}");
        };
    }

    private static bool IsWritten(ActorLogLevel level, LogLevel least) => level switch
    {
        ActorLogLevel.Error => least >= LogLevel.Error,
        ActorLogLevel.Warning => least >= LogLevel.Warning,
        ActorLogLevel.Info => least >= LogLevel.Info,
        _ => least >= LogLevel.Debug,
    };
}
