namespace Distributed.Kernel;

public enum ActorLogLevel
{
    Debug,
    Info,
    Warning,
    Error,
}

/// <summary>What a line of log is about, such as a job or a step: for programs.</summary>
/// <param name="Name">One lower-case word, which no other field of the line has.</param>
/// <param name="Value">A number or a text.</param>
public readonly record struct LogField(string Name, object Value);

/// <summary>One line of log; <paramref name="Source"/> is the path of the actor.</summary>
/// <param name="Fields">Null where the actor has named none.</param>
public sealed record ActorLogRecord(
    ActorLogLevel Level, DateTimeOffset Utc, string Source, string Text,
    Exception? Exception = null, IReadOnlyList<LogField>? Fields = null);

/// <summary>An actor's log. Lines go to the environment, which never blocks on them.</summary>
public interface IActorLog
{
    bool IsEnabled(ActorLogLevel level);

    /// <summary>
    /// Tells what the actor is at. It is asked for every line that is written and for no other, so
    /// that an actor sets it once and pays nothing as it goes on. Null names nothing.
    /// </summary>
    Func<IReadOnlyList<LogField>>? Fields { get; set; }

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
