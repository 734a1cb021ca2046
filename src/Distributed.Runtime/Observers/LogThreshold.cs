using Distributed.Cluster.Configuration;
using Distributed.Kernel;

namespace Distributed.Runtime.Observers;

/// <summary>The least important records that a node's log takes; may be changed while it runs, by
/// any thread.</summary>
public sealed class LogThreshold(LogLevel level)
{
    private volatile int _level = (int)level;

    public LogLevel Level
    {
        get => (LogLevel)_level;
        set => _level = (int)value;
    }

    public bool Takes(ActorLogLevel level) => Takes(Level, level);

    /// <summary>Whether a log whose least important records are those takes one of that
    /// level.</summary>
    public static bool Takes(LogLevel least, ActorLogLevel level) => level switch
    {
        ActorLogLevel.Error => least >= LogLevel.Error,
        ActorLogLevel.Warning => least >= LogLevel.Warning,
        ActorLogLevel.Info => least >= LogLevel.Info,
        _ => least >= LogLevel.Debug,
    };
}
