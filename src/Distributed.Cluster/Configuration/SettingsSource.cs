using Distributed.Kernel;

namespace Distributed.Cluster.Configuration;

/// <summary>
/// The values of a configuration under our own key names. Keys may be written as Akka.NET has them
/// (with the prefix <c>akka.</c>, and where it has another section): both spellings mean the same.
/// </summary>
internal sealed class SettingsSource
{
    /// <summary>Stands for any one element in a known key.</summary>
    public const string AnyName = "<name>";

    private static readonly (string Akka, string Ours)[] aliases =
    [
        ("akka.remote.dot-netty.tcp.", "remote."),
        ("petabridge.cmd.", "pbm."),
        ("akka.", ""),
    ];

    private readonly Func<string, bool> isOverride;
    private readonly HoconConfig config;
    private readonly OrderedDictionary<string, (string Written, HoconValue Value)> values =
        new(StringComparer.Ordinal);

    /// <summary>
    /// <paramref name="isOverride"/> tells whether an origin's source is an override, which wins
    /// over the same key in another spelling; two spellings within files are an error.
    /// </summary>
    public SettingsSource(HoconConfig config, Func<string, bool> isOverride)
    {
        this.config = config;
        this.isOverride = isOverride;
        Collect(config.Root, "");
    }

    /// <summary>A key's name as we write it.</summary>
    public static string Canonical(string key)
    {
        foreach (var (akka, ours) in aliases)
        {
            if (key.StartsWith(akka, StringComparison.Ordinal))
            {
                return ours + key[akka.Length..];
            }
        }
        return key;
    }

    public string Text(string key, string otherwise) =>
        Read(key, otherwise, written => config.GetString(written));

    public int Integer(string key, int otherwise, int least, int most) => Checked(
        key, Read(key, otherwise, written => config.GetInt(written)),
        value => value >= least && value <= most,
        most == int.MaxValue ? $"{least} or more" : $"{least} to {most}");

    public double Number(string key, double otherwise) => Checked(
        key, Read(key, otherwise, written => config.GetDouble(written)), value => value > 0,
        "more than 0");

    /// <summary>A part of a whole, which 1 is not.</summary>
    public double Fraction(string key, double otherwise) => Checked(
        key, Read(key, otherwise, written => config.GetDouble(written)),
        value => value is >= 0 and < 1, "0 or more, and less than 1");

    public TimeSpan Duration(string key, TimeSpan otherwise) => Checked(
        key, Read(key, otherwise, written => config.GetDuration(written)),
        value => value > TimeSpan.Zero, "a finite duration longer than 0");

    /// <summary>A list of strings, which may also be written as one string with commas.</summary>
    public IReadOnlyList<string> Texts(string key, IReadOnlyList<string> otherwise) => Read(
        key, otherwise, written => config.Find(written) is HoconScalar scalar
            ? scalar.Text.Split(
                ',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            : config.GetStringList(written));

    /// <summary>
    /// What is given under a key with <see cref="AnyName"/> in it, by the names, in their order.
    /// </summary>
    public SortedDictionary<string, int> IntegersByName(string pattern, int least, int most)
    {
        var at = Array.IndexOf(pattern.Split('.'), AnyName);
        var integers = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var key in values.Keys.Where(key => Matches(key, pattern)))
        {
            integers[HoconPath.Parse(key, "key")[at]] = Integer(key, 0, least, most);
        }
        return integers;
    }

    /// <summary>One of the words given; capitals do not matter.</summary>
    public string Word(string key, string otherwise, IReadOnlyList<string> words)
    {
        var text = Text(key, otherwise);
        var word = words.FirstOrDefault(
            known => known.Equals(text, StringComparison.OrdinalIgnoreCase));
        return word ?? throw Wrong(
            key, $"\"{text}\"", $"{string.Join(", ", words.SkipLast(1))} or {words[^1]}");
    }

    /// <summary>An error at the place where the key was written.</summary>
    public HoconException Wrong(string key, string found, string expected) =>
        values.TryGetValue(key, out var given)
            ? new(given.Value.Origin, $"{given.Written} is {found}", expected)
            : new(config.Root.Origin, $"{key} is {found}", expected);

    /// <summary>
    /// Refuses a key within our sections that no setting has. A section that is not ours is left
    /// alone (a file may keep values to refer to), unless its name looks like a typing error.
    /// </summary>
    public void RefuseUnknown(IReadOnlyList<string> known)
    {
        var sections = known.Select(key => key.Split('.')[0]).Distinct().ToList();
        foreach (var (key, (written, value)) in values)
        {
            var section = key.Split('.')[0];
            if (IsKnown(key, known))
            {
                continue;
            }
            if (sections.Contains(section))
            {
                throw Unknown(value.Origin, written, key, known);
            }
            if (Nearest.Of(section, sections) is { } meant)
            {
                throw new HoconException(
                    value.Origin, $"unknown key {written}", $"the section {meant}, perhaps");
            }
        }
    }

    /// <summary>The error for a key that does not exist.</summary>
    public static HoconException Unknown(
        HoconOrigin origin, string written, string key, IReadOnlyList<string> known) =>
        new(origin, $"unknown key {written}",
            Nearest.Of(key, known) is { } near
                ? $"{near}, perhaps" : $"one of {string.Join(", ", known)}");

    /// <summary>
    /// Whether this is a known key, or an element of its list by the index, as in seed-nodes.0.
    /// </summary>
    public static bool IsKnown(string key, IReadOnlyList<string> known)
    {
        var dot = key.LastIndexOf('.');
        return known.Any(pattern => Matches(key, pattern))
            || (dot > 0 && known.Contains(key[..dot])
                && HoconConcatenation.TryParseIndex(key[(dot + 1)..], out _));
    }

    private static bool Matches(string key, string pattern)
    {
        if (!pattern.Contains(AnyName, StringComparison.Ordinal))
        {
            return key == pattern;
        }
        var elements = HoconPath.Parse(key, "key");
        var expected = pattern.Split('.');
        return elements.Length == expected.Length
            && elements.Zip(expected).All(pair =>
                pair.Second == AnyName || pair.First == pair.Second);
    }

    private void Collect(HoconObject holder, string prefix)
    {
        foreach (var (name, value) in holder.Fields)
        {
            var written = prefix + HoconPath.Render([name]);
            // A list given by indices is asked for under the name of the list.
            if (value is not HoconObject inner || IsIndexed(inner))
            {
                Add(written, value);
            }
            else
            {
                Collect(inner, written + ".");
            }
        }
    }

    private static bool IsIndexed(HoconObject holder) => holder.Fields.Count > 0
        && holder.Fields.Keys.All(key => HoconConcatenation.TryParseIndex(key, out _));

    private void Add(string written, HoconValue value)
    {
        if (value is HoconScalar { Kind: HoconScalarKind.Null })
        {
            // Null takes back what was set: the default holds.
            return;
        }
        var key = Canonical(written);
        if (!values.TryGetValue(key, out var earlier) || isOverride(value.Origin.Source))
        {
            values[key] = (written, value);
        }
        else if (!isOverride(earlier.Value.Origin.Source))
        {
            throw new HoconException(
                value.Origin,
                $"{written} is given as {earlier.Written} too, at {earlier.Value.Origin}",
                "one of the two");
        }
    }

    private T Read<T>(string key, T otherwise, Func<string, T> read) =>
        values.TryGetValue(key, out var given) ? read(given.Written) : otherwise;

    private T Checked<T>(string key, T value, Func<T, bool> isRight, string expected) =>
        isRight(value) ? value : throw Wrong(key, $"{value}", expected);
}
