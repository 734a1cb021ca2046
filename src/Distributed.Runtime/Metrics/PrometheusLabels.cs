using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using Distributed.Kernel;

namespace Distributed.Runtime.Metrics;

/// <summary>Labels as Prometheus's text has them, without the braces.</summary>
internal static class PrometheusLabels
{
    /// <summary>What nearly all values are made of, and nothing is done to.</summary>
    private static readonly SearchValues<char> s_harmless = SearchValues.Create(
        [.. Enumerable.Range(' ', '~' - ' ' + 1).Select(code => (char)code).Except(['\\', '"'])]);

    /// <summary>Of tags, which the instruments fix: a few dozen.</summary>
    private static readonly ConcurrentDictionary<string, string> s_names = new();

    public static void Write(
        IBufferWriter<char> text, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        for (int index = 0; index < tags.Length; index++)
        {
            if (index > 0)
                text.Write(",");
            text.Write(s_names.GetOrAdd(tags[index].Key, PrometheusName.Plain));
            text.Write("=\"");
            text.Write(Escape(
                Convert.ToString(tags[index].Value, CultureInfo.InvariantCulture) ?? ""));
            text.Write("\"");
        }
    }

    /// <summary>
    /// The format knows three escapes. Whoever shows a label is not to be deceived by what it
    /// hides: that is written out.
    /// </summary>
    private static string Escape(string value) =>
        !value.AsSpan().ContainsAnyExcept(s_harmless)
            ? value
            : Shown.Lines(value).Replace("\\", "\\\\", StringComparison.Ordinal)
                .Replace("\"", "\\\"", StringComparison.Ordinal)
                .Replace("\n", "\\n", StringComparison.Ordinal);
}
