namespace Distributed.Runtime.Metrics;

/// <summary>What a measurement is of: labels in Prometheus, attributes in
/// OpenTelemetry.</summary>
internal static class MetricTags
{
    public static KeyValuePair<string, object?>[] Of(
        params ReadOnlySpan<(string Name, string Value)> tags) => And([], tags);

    /// <summary>Those, and some more.</summary>
    public static KeyValuePair<string, object?>[] And(
        KeyValuePair<string, object?>[] first,
        params ReadOnlySpan<(string Name, string Value)> more)
    {
        var all = new KeyValuePair<string, object?>[first.Length + more.Length];
        first.CopyTo(all, 0);
        for (int index = 0; index < more.Length; index++)
            all[first.Length + index] = new(more[index].Name, more[index].Value);
        return all;
    }
}
