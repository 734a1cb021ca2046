using System.Globalization;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>Reads a range of numbers, such as {loguniform: [1e-4, 1e-1]}.</summary>
internal static class RangeReader
{
    private const NumberStyles RealStyle = NumberStyles.AllowLeadingSign
        | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    public static IReadOnlyList<string> Words { get; } =
        ["uniform", "loguniform", "int", "logint"];

    /// <summary>Null, with an error added, where it is no range.</summary>
    /// <param name="word">One of <see cref="Words"/>.</param>
    public static Dimension? Read(
        string name, IReadOnlyList<Condition> when, string word, SpecMap map)
    {
        SpecNode? ends = map.Take(word);
        SpecNode? step = map.Take("step");
        bool isLogarithmic = word is "loguniform" or "logint";
        if (ends is not { Kind: SpecNodeKind.List, Items.Count: 2 })
        {
            map.Refuse(word, $"{ends?.Describe() ?? "nothing"}; expected the two ends, such as "
                + $"{word}: [{(word is "int" or "logint" ? "8, 64" : "1e-4, 1e-1")}]");
            return null;
        }
        return word is "int" or "logint"
            ? Integers(name, when, word, map, ends, step, isLogarithmic)
            : Reals(name, when, word, map, ends, step, isLogarithmic);
    }

    private static RealDimension? Reals(
        string name, IReadOnlyList<Condition> when, string word, SpecMap map, SpecNode ends,
        SpecNode? stepNode, bool isLogarithmic)
    {
        double? low = Real(ends.Items[0], map, word);
        double? high = Real(ends.Items[1], map, word);
        double? step = stepNode is null ? null : Real(stepNode, map, "step");
        if (low is null || high is null || (stepNode is not null && step is null)
            || !IsSound(word, map, low.Value, high.Value, step, isLogarithmic))
        {
            return null;
        }
        return new RealDimension(name, when, low.Value, high.Value, step, isLogarithmic);
    }

    private static IntegerDimension? Integers(
        string name, IReadOnlyList<Condition> when, string word, SpecMap map, SpecNode ends,
        SpecNode? stepNode, bool isLogarithmic)
    {
        long? low = Whole(ends.Items[0], map, word);
        long? high = Whole(ends.Items[1], map, word);
        long? step = stepNode is null ? 1 : Whole(stepNode, map, "step");
        if (low is null || high is null || step is null
            || !IsSound(word, map, low.Value, high.Value, step, isLogarithmic))
        {
            return null;
        }
        return new IntegerDimension(
            name, when, low.Value, high.Value, step.Value, isLogarithmic);
    }

    private static bool IsSound(
        string word, SpecMap map, double low, double high, double? step, bool isLogarithmic)
    {
        string? problem = low >= high
            ? $"from {SpecWords.Of(low)} to {SpecWords.Of(high)}; expected the low end first, and "
                + "a high end above it"
            : isLogarithmic && low <= 0
                ? $"from {SpecWords.Of(low)}; expected a low end above 0, where a logarithm is"
                : null;
        if (problem is not null)
            map.Refuse(word, problem);
        else if (step <= 0 || step > high - low)
        {
            map.Refuse("step", $"{SpecWords.Of(step.Value)}; expected a step above 0 and at most "
                + $"{SpecWords.Of(high - low)}, the width of the range");
            return false;
        }
        return problem is null;
    }

    private static double? Real(SpecNode node, SpecMap map, string key)
    {
        if (node.Kind == SpecNodeKind.Scalar
            && double.TryParse(node.Text, RealStyle, CultureInfo.InvariantCulture, out double value)
            && double.IsFinite(value))
        {
            return value == 0 ? 0 : value;
        }
        map.Refuse(key, $"{node.Describe()}; expected a number");
        return null;
    }

    private static long? Whole(SpecNode node, SpecMap map, string key)
    {
        if (node.Kind == SpecNodeKind.Scalar
            && long.TryParse(
                node.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture,
                out long value)
            && Math.Abs((decimal)value) <= int.MaxValue)
        {
            return value;
        }
        map.Refuse(key, $"{node.Describe()}; expected a whole number");
        return null;
    }
}
