using System.Globalization;

namespace Distributed.Cluster.Configuration;

/// <summary>
/// A resolved configuration, read by dotted key. A getter converts as HOCON says (a number from a
/// string, a boolean from on/off/yes/no) and throws a <see cref="HoconException"/> that names the
/// key and its place where the value is missing, null or of another kind.
/// </summary>
public sealed class HoconConfig
{
    private readonly string prefix;

    internal HoconConfig(HoconObject root, string prefix)
    {
        Root = root;
        this.prefix = prefix;
    }

    public HoconObject Root { get; }

    /// <summary>
    /// The keys of this object itself, in the order in which they were first written.
    /// </summary>
    public IEnumerable<string> Keys => Root.Fields.Keys;

    /// <summary>
    /// Reads a configuration. <paramref name="source"/> names the text in errors, and includes are
    /// looked for beside it; <paramref name="readFile"/> answers a file's text or null, and
    /// <paramref name="readEnvironment"/> a variable's value or null. Without these delegates
    /// there are no files and no variables.
    /// </summary>
    public static HoconConfig Parse(
        string text, string source, Func<string, string?>? readFile = null,
        Func<string, string?>? readEnvironment = null) =>
        HoconDocument.Parse(text, source, readFile).Resolve(readEnvironment);

    /// <summary>Whether the key has a value other than null.</summary>
    public bool Has(string key) =>
        Find(key) is not null and not HoconScalar { Kind: HoconScalarKind.Null };

    public string GetString(string key) => ScalarText(key, "a string");

    public bool GetBoolean(string key) => ScalarText(key, "a boolean") switch
    {
        "true" or "yes" or "on" => true,
        "false" or "no" or "off" => false,
        var text => throw Wrong(key, $"\"{text}\"", "true, false, yes, no, on or off"),
    };

    public int GetInt(string key)
    {
        var value = GetLong(key);
        return value is >= int.MinValue and <= int.MaxValue
            ? (int)value : throw Wrong(key, $"{value}", "a 32-bit integer");
    }

    public long GetLong(string key)
    {
        const string expected = "an integer";
        var text = ScalarText(key, expected);
        if (!HoconNumber.TryParse(text, out var number) || decimal.Truncate(number) != number
            || number is < long.MinValue or > long.MaxValue)
        {
            throw Wrong(key, $"\"{text}\"", expected);
        }
        return (long)number;
    }

    public double GetDouble(string key)
    {
        const string expected = "a number";
        var text = ScalarText(key, expected);
        return double.TryParse(
                text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number)
            ? number : throw Wrong(key, $"\"{text}\"", expected);
    }

    /// <summary>
    /// A duration such as <c>100ms</c> or <c>1.5 minutes</c>, in milliseconds where it has no unit;
    /// <see cref="Timeout.InfiniteTimeSpan"/> for <c>infinite</c>.
    /// </summary>
    public TimeSpan GetDuration(string key)
    {
        const string expected = "a duration such as 100ms, 20s or 1.5 minutes";
        var text = ScalarText(key, expected);
        return HoconUnits.TryParseDuration(text, out var duration)
            ? duration : throw Wrong(key, $"\"{text}\"", expected);
    }

    /// <summary>A size in bytes, such as <c>512K</c> (1024s) or <c>1 MB</c> (1000s).</summary>
    public long GetSize(string key)
    {
        const string expected = "a size in bytes below 8 EiB, such as 512KiB or 1 MB";
        var text = ScalarText(key, expected);
        return HoconUnits.TryParseSize(text, out var bytes)
            && bytes >= long.MinValue && bytes <= long.MaxValue
            ? (long)bytes : throw Wrong(key, $"\"{text}\"", expected);
    }

    /// <summary>
    /// A list of strings. An object with keys 0, 1, 2… counts as a list in the order of its keys.
    /// </summary>
    public IReadOnlyList<string> GetStringList(string key)
    {
        const string expected = "a list of strings";
        var elements = Elements(Require(key, expected))
            ?? throw Wrong(key, Require(key, expected).KindName, expected);
        return [.. elements.Select(element =>
            element is HoconScalar { Kind: not HoconScalarKind.Null } scalar
                ? scalar.Text
                : throw new HoconException(
                    element.Origin, $"{FullKey(key)} holds {element.KindName}", expected))];
    }

    /// <summary>The object under a key, as a configuration of its own.</summary>
    public HoconConfig GetConfig(string key) =>
        Require(key, "an object") is HoconObject inner
            ? new HoconConfig(inner, FullKey(key) + ".")
            : throw Wrong(key, Require(key, "an object").KindName, "an object");

    /// <summary>The value at a dotted key; null where there is none.</summary>
    public HoconValue? Find(string key)
    {
        HoconValue value = Root;
        foreach (var element in HoconPath.Parse(key, "key"))
        {
            if (value is not HoconObject holder
                || !holder.Fields.TryGetValue(element, out var next))
            {
                return null;
            }
            value = next;
        }
        return value;
    }

    private static IReadOnlyList<HoconValue>? Elements(HoconValue value)
    {
        if (value is not HoconObject fields)
        {
            return (value as HoconList)?.Elements;
        }
        var indexed = new SortedDictionary<int, HoconValue>();
        foreach (var (name, element) in fields.Fields)
        {
            if (HoconConcatenation.TryParseIndex(name, out var index))
            {
                indexed.TryAdd(index, element);
            }
        }
        return indexed.Count == 0 ? null : [.. indexed.Values];
    }

    private string ScalarText(string key, string expected)
    {
        var value = Require(key, expected);
        return value is HoconScalar scalar
            ? scalar.Text : throw Wrong(key, value.KindName, expected);
    }

    private HoconValue Require(string key, string expected)
    {
        var value = Find(key) ?? throw new HoconException(
            Root.Origin, $"{FullKey(key)} is missing", expected);
        return value is HoconScalar { Kind: HoconScalarKind.Null }
            ? throw Wrong(key, "null", expected) : value;
    }

    private HoconException Wrong(string key, string found, string expected) =>
        new((Find(key) ?? Root).Origin, $"{FullKey(key)} is {found}", expected);

    private string FullKey(string key) => prefix + key;
}
