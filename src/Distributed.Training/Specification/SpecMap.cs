using System.Globalization;

namespace Distributed.Training.Specification;

/// <summary>
/// Reads the keys of one map. It knows by then which keys exist: whatever was not asked for when
/// <see cref="RefuseUnknown"/> runs is an error. A key without a value counts as not given.
/// </summary>
public sealed class SpecMap
{
    private readonly SpecNode node;
    private readonly string path;
    private readonly SpecErrors errors;
    private readonly List<string> known = [];

    /// <param name="path">What messages put before a key: optimizer; nothing at the root.</param>
    public SpecMap(SpecNode node, string path, SpecErrors errors)
    {
        this.node = node;
        this.path = path;
        this.errors = errors;
    }

    /// <summary>Reads a map, or one value that stands for one key of it, or nothing.</summary>
    public static SpecMap Of(
        SpecNode? node, string path, SpecErrors errors, string where, string? shorthand = null)
    {
        if (node is null || node.IsNull)
            return new SpecMap(SpecNode.Map(node?.Where ?? where), path, errors);
        if (node.Kind == SpecNodeKind.Map)
            return new SpecMap(node, path, errors);
        var map = SpecNode.Map(node.Where);
        if (shorthand is not null && node.Kind == SpecNodeKind.Scalar)
            map.Set(shorthand, node, node.Where);
        else
            errors.Add(node.Where, path, $"{node.Describe()}; expected a map of keys");
        return new SpecMap(map, path, errors);
    }

    public string Where => node.Where;

    /// <summary>Where a key's value was written; where the map was, when it is not there.</summary>
    public string WhereOf(string key) => node.Get(key)?.Where ?? node.Where;

    public string PathOf(string key) => path.Length == 0 ? key : $"{path}.{key}";

    public bool Has(string key) => node.Get(key) is { IsNull: false };

    /// <summary>A key's value, whatever it is; null where nothing was given.</summary>
    public SpecNode? Take(string key)
    {
        known.Add(key);
        var value = node.Get(key);
        return value is null || value.IsNull ? null : value;
    }

    /// <summary>Adds an error about a key.</summary>
    public void Refuse(string key, string problem) =>
        errors.Add(WhereOf(key), PathOf(key), problem);

    public int Int32(string key, int fallback, int min, int max = int.MaxValue) =>
        (int)(Int64OrNull(key, min, max) ?? fallback);

    public int? Int32OrNull(string key, int min, int max = int.MaxValue) =>
        (int?)Int64OrNull(key, min, max);

    public long? Int64OrNull(string key, long min, long max = long.MaxValue)
    {
        if (Scalar(key) is not { } text)
            return null;
        if (long.TryParse(
                text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            && value >= min && value <= max)
        {
            return value;
        }
        var range = max is int.MaxValue or long.MaxValue
            ? $"of {min} or more"
            : $"from {min} to {max}";
        Refuse(key, $"'{text}'; expected a whole number {range}");
        return null;
    }

    public ulong UInt64(string key, ulong fallback)
    {
        if (Scalar(key) is not { } text)
            return fallback;
        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            return value;
        Refuse(key, $"'{text}'; expected a whole number from 0 to {ulong.MaxValue}");
        return fallback;
    }

    public double Double(string key, double fallback, SpecRange range)
    {
        if (Scalar(key) is not { } text)
            return fallback;
        const NumberStyles style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint
            | NumberStyles.AllowExponent;
        if (double.TryParse(text, style, CultureInfo.InvariantCulture, out var value)
            && range.Contains(value))
        {
            // Minus zero would be written differently from zero and mean the same.
            return value == 0 ? 0 : value;
        }
        Refuse(key, $"'{text}'; expected {range}");
        return fallback;
    }

    public bool Bool(string key, bool fallback)
    {
        if (Scalar(key) is not { } text)
            return fallback;
        if (text is "true" or "false")
            return text == "true";
        Refuse(key, $"'{text}'; expected true or false");
        return fallback;
    }

    /// <summary>One of an enumeration's words, in camelCase.</summary>
    public T Word<T>(string key, T fallback) where T : struct, Enum
    {
        if (Scalar(key) is not { } text)
            return fallback;
        if (SpecWords.TryParse<T>(text, out var value))
            return value;
        Refuse(key, $"unknown value '{text}'; {SpecErrors.KnownWords(text, SpecWords.All<T>())}");
        return fallback;
    }

    public string? Text(string key) => Scalar(key);

    /// <summary>Adds an error for every key that was not asked for.</summary>
    /// <param name="reason">Why a key that exists elsewhere is not allowed here.</param>
    public void RefuseUnknown(Func<string, string?>? reason = null)
    {
        foreach (var entry in node.Entries.Where(entry => !known.Contains(entry.Key)))
        {
            var problem = reason?.Invoke(entry.Key)
                ?? $"unknown key; {SpecErrors.KnownWords(entry.Key, known)}";
            errors.Add(entry.Where, PathOf(entry.Key), problem);
        }
    }

    private string? Scalar(string key)
    {
        var value = Take(key);
        if (value is null)
            return null;
        if (value.Kind == SpecNodeKind.Scalar)
            return value.Text;
        Refuse(key, $"{value.Describe()}; expected one value");
        return null;
    }
}
