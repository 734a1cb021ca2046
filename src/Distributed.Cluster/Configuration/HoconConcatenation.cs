using System.Globalization;
using System.Text;

namespace Distributed.Cluster.Configuration;

/// <summary>
/// Joins the values that stand beside one another on a line: strings into a string, lists into a
/// list, objects into an object.
/// </summary>
internal sealed class HoconConcatenation(Func<HoconField, HoconNode?> valueOf)
{
    /// <summary>
    /// The longest string and list that joining may make. Without a bound, a few lines that each
    /// double the line before would fill any memory.
    /// </summary>
    public const int LengthMax = 1 << 17;

    /// <summary>
    /// The joined value; null when no part has one. A missing part counts as empty.
    /// </summary>
    public HoconNode? Join(
        HoconOrigin origin, IReadOnlyList<(HoconSyntax Syntax, HoconNode? Node)> parts)
    {
        var nodes = parts.Select(part => part.Node).OfType<HoconNode>().ToList();
        if (nodes.Count == 0)
        {
            return null;
        }
        if (nodes.All(node => node is ScalarNode))
        {
            return JoinText(origin, parts);
        }
        if (nodes.All(node => node is ObjectNode))
        {
            return JoinObjects(parts);
        }
        return JoinLists(origin, parts);
    }

    private static ObjectNode JoinObjects(
        IReadOnlyList<(HoconSyntax Syntax, HoconNode? Node)> parts)
    {
        ObjectNode? joined = null;
        foreach (var (syntax, node) in parts)
        {
            if (node is ObjectNode upper)
            {
                var lower = joined;
                joined = lower is null
                    ? upper
                    : new MergedObjectNode(
                        upper, syntax is ObjectSyntax, () => lower, () => true);
            }
        }
        return joined!;
    }

    private static ScalarNode JoinText(
        HoconOrigin origin, IReadOnlyList<(HoconSyntax Syntax, HoconNode? Node)> parts)
    {
        var text = new StringBuilder();
        foreach (var (syntax, node) in parts)
        {
            text.Append((syntax as SpaceSyntax)?.Text ?? (node as ScalarNode)?.Value.Text);
            if (text.Length > LengthMax)
            {
                throw new HoconException(
                    origin, "the joined string is too long", $"{LengthMax} characters at most");
            }
        }
        return new ScalarNode(new HoconScalar(origin, HoconScalarKind.Text, text.ToString()));
    }

    private ListNode JoinLists(
        HoconOrigin origin, IReadOnlyList<(HoconSyntax Syntax, HoconNode? Node)> parts)
    {
        var elements = new List<HoconField>();
        var first = parts.First(part => part.Node is not null).Node!;
        foreach (var (syntax, node) in parts)
        {
            if (node is null)
            {
                continue;
            }
            var added = (node as ListNode)?.Elements ?? IndexedElements(node)
                ?? throw new HoconException(
                    syntax.Origin,
                    $"cannot join {Describe(ReferenceEquals(node, first) ? parts[^1].Node : first)}"
                    + $" and {Describe(node)}",
                    "only strings, only lists or only objects on one line");
            elements.AddRange(added);
            if (elements.Count > LengthMax)
            {
                throw new HoconException(
                    origin, "the joined list is too long", $"{LengthMax} elements at most");
            }
        }
        return new ListNode(origin, elements);
    }

    // An object with keys 0, 1, 2… stands for a list where a list is needed.
    private List<HoconField>? IndexedElements(HoconNode node)
    {
        if (node is not ObjectNode fields)
        {
            return null;
        }
        var indices = new SortedDictionary<int, HoconField>();
        foreach (var key in fields.Keys)
        {
            if (TryParseIndex(key, out var index) && fields.Get(key) is { } field
                && valueOf(field) is not null)
            {
                indices.TryAdd(index, field);
            }
        }
        return indices.Count == 0 ? null : [.. indices.Values];
    }

    /// <summary>Whether a key is the index of an element.</summary>
    public static bool TryParseIndex(string key, out int index) =>
        int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out index);

    private static string Describe(HoconNode? node) => node switch
    {
        ScalarNode scalar => scalar.Value.KindName,
        ListNode => "a list",
        ObjectNode => "an object",
        _ => "nothing",
    };
}
