using System.Diagnostics;

namespace Distributed.Runtime.Tracing;

/// <summary>Where spans come from: whoever listens to <see cref="Name"/> gets them.</summary>
public static class TraceSources
{
    public const string Name = "Distributed.Training";

    internal static ActivitySource Training { get; } = new(Name);

    /// <summary>A span whose times are known already; null where nobody wants it.</summary>
    internal static Activity? Span(
        string name, ActivityContext parent, DateTimeOffset start, TimeSpan duration,
        IEnumerable<KeyValuePair<string, object?>>? tags = null,
        IEnumerable<ActivityLink>? links = null)
    {
        Activity? span = Training.StartActivity(
            ActivityKind.Internal, parent, tags, links, start, name);
        // Whatever is current belongs to somebody else.
        span?.SetEndTime((start + duration).UtcDateTime);
        span?.Stop();
        return span;
    }
}
