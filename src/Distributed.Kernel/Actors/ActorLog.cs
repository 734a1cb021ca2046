namespace Distributed.Kernel;

public enum ActorLogLevel
{
    Debug,
    Info,
    Warning,
    Error,
}

/// <summary>One line of log; <paramref name="Source"/> is the path of the actor.</summary>
public sealed record ActorLogRecord(
    ActorLogLevel Level, DateTimeOffset Utc, string Source, string Text,
    Exception? Exception = null);

/// <summary>An actor's log. Lines go to the environment, which never blocks on them.</summary>
public interface IActorLog
{
    bool IsEnabled(ActorLogLevel level);

    void Write(ActorLogLevel level, string text, Exception? exception = null);
}

public static class ActorLogExtensions
{
    public static void Debug(this IActorLog log, string text) =>
        log.Write(ActorLogLevel.Debug, text);

    public static void Info(this IActorLog log, string text) =>
        log.Write(ActorLogLevel.Info, text);

    public static void Warning(this IActorLog log, string text) =>
        log.Write(ActorLogLevel.Warning, text);

    public static void Error(this IActorLog log, string text, Exception? exception = null) =>
        log.Write(ActorLogLevel.Error, text, exception);
}
