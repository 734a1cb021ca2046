using System.Diagnostics.Metrics;
using System.Text;

namespace Distributed.Runtime.Metrics;

/// <summary>
/// How Prometheus calls what OpenTelemetry calls otherwise: after the specification of their
/// compatibility, a unit and <c>_total</c> become part of the name.
/// </summary>
internal static class PrometheusName
{
    public static string Of(Instrument instrument, bool isCounter)
    {
        string name = Plain(instrument.Name);
        string unit = UnitOf(instrument.Unit ?? "", isCounter);
        if (unit.Length > 0 && !name.EndsWith("_" + unit, StringComparison.Ordinal))
            name += "_" + unit;
        return isCounter && !name.EndsWith("_total", StringComparison.Ordinal)
            ? name + "_total"
            : name;
    }

    /// <summary>A name with nothing but letters, digits and underscores.</summary>
    public static string Plain(string name)
    {
        var plain = new StringBuilder(name.Length);
        foreach (char character in name)
        {
            bool isAllowed = char.IsAsciiLetterOrDigit(character);
            plain.Append(isAllowed ? character : '_');
        }

        return plain.Length > 0 && char.IsAsciiDigit(plain[0]) ? "_" + plain : plain.ToString();
    }

    /// <summary>What stands in braces counts things, which the name tells already.</summary>
    private static string UnitOf(string unit, bool isCounter)
    {
        if (unit.StartsWith('{'))
            return unit.EndsWith("/s", StringComparison.Ordinal) ? "per_second" : "";
        return unit switch
        {
            "s" => "seconds",
            "ms" => "milliseconds",
            "By" => "bytes",
            "1" => isCounter ? "" : "ratio",
            _ => Plain(unit),
        };
    }
}
