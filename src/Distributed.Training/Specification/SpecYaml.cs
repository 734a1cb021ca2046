using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Distributed.Training.Specification;

/// <summary>
/// Reads YAML text into a tree that keeps the position of every node, and writes such trees.
/// </summary>
public static class SpecYaml
{
    private const int NestingMax = 64;

    /// <summary>Aliases could make a small file into a huge tree; no spec is this large.</summary>
    private const int NodesMax = 100_000;

    /// <summary>
    /// The root of the one document in <paramref name="text"/>; null, with an error added, when
    /// the text is no YAML.
    /// </summary>
    /// <param name="where">Makes a position of a line and a column.</param>
    public static SpecNode? Parse(string text, Func<long, long, string> where, SpecErrors errors)
    {
        try
        {
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            if (stream.Documents.Count == 0)
                return SpecNode.Map(where(1, 1));
            if (stream.Documents.Count > 1)
            {
                var second = stream.Documents[1].RootNode.Start;
                errors.Add(where(second.Line, second.Column), "",
                    "a second document; expected one in a file");
                return null;
            }
            var nodes = 0;
            return Convert(stream.Documents[0].RootNode, where, 0, ref nodes);
        }
        catch (YamlException exception)
        {
            // An error at the text's end has no mark of its own.
            var start = exception.Start;
            // What a path such as model.conv[0].filters ends in there says nothing of the cause.
            var hint = exception.Message.Contains("flow mapping", StringComparison.Ordinal)
                ? "; a key with [ ] needs quotes within { }"
                : "";
            errors.Add(where(Math.Max(1, start.Line), Math.Max(1, start.Column)), "",
                $"not valid YAML: {exception.Message}{hint}");
            return null;
        }
        catch (InvalidOperationException)
        {
            // The parser has no words, and no place, for a few of the texts that it refuses.
            errors.Add(where(1, 1), "", "not valid YAML, the parser does not say where; expected "
                + "quotes around a text with a comma, a colon, a bracket or #");
            return null;
        }
        catch (ArgumentException exception)
        {
            errors.Add(where(1, 1), "", $"not valid YAML: {exception.Message}");
            return null;
        }
    }

    /// <summary>One line of YAML that reads back as the same tree.</summary>
    public static string Write(SpecNode node) => node.Kind switch
    {
        SpecNodeKind.Map => $"{{{string.Join(", ", node.Entries.Select(entry =>
            $"{WriteKey(entry.Key)}: {Write(entry.Value)}"))}}}",
        SpecNodeKind.List => $"[{string.Join(", ", node.Items.Select(Write))}]",
        _ when node.IsNull => "null",
        _ => IsNumber(node.Text) ? node.Text : SpecWords.Quote(node.Text),
    };

    private static string WriteKey(string key) =>
        key is ['$', .. var rest] && rest.All(char.IsAsciiLetter) ? key : SpecWords.Quote(key);

    private static bool IsNumber(string text) => double.TryParse(
        text,
        NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint
            | NumberStyles.AllowExponent,
        CultureInfo.InvariantCulture, out var value) && double.IsFinite(value);

    private static SpecNode Convert(
        YamlNode node, Func<long, long, string> where, int depth, ref int nodes)
    {
        if (depth > NestingMax)
            throw new YamlException(node.Start, node.End, $"more than {NestingMax} levels deep");
        if (++nodes > NodesMax)
            throw new YamlException(node.Start, node.End, $"more than {NodesMax} nodes");
        var here = where(node.Start.Line, node.Start.Column);
        switch (node)
        {
            case YamlMappingNode mapping:
                var map = SpecNode.Map(here);
                foreach (var (key, value) in mapping.Children)
                {
                    if (key is not YamlScalarNode name)
                        throw new YamlException(key.Start, key.End, "a key must be a word");
                    map.Entries.Add(new SpecEntry(
                        name.Value ?? "", where(name.Start.Line, name.Start.Column),
                        Convert(value, where, depth + 1, ref nodes)));
                }
                return map;
            case YamlSequenceNode sequence:
                var list = SpecNode.List(here);
                foreach (var item in sequence.Children)
                    list.Items.Add(Convert(item, where, depth + 1, ref nodes));
                return list;
            case YamlScalarNode scalar:
                return SpecNode.Scalar(here, scalar.Value ?? "", scalar.Style is ScalarStyle.Plain);
            default:
                throw new YamlException(node.Start, node.End, "an alias to nothing");
        }
    }
}
