using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Distributed.Training.Specification;

/// <summary>Reads YAML text into a tree that keeps the position of every node.</summary>
internal static class SpecYaml
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
                    "a second document; expected one run spec in a file");
                return null;
            }
            var nodes = 0;
            return Convert(stream.Documents[0].RootNode, where, 0, ref nodes);
        }
        catch (YamlException exception)
        {
            // An error at the text's end has no mark of its own.
            var start = exception.Start;
            errors.Add(where(Math.Max(1, start.Line), Math.Max(1, start.Column)), "",
                $"not valid YAML: {exception.Message}");
            return null;
        }
        catch (ArgumentException exception)
        {
            errors.Add(where(1, 1), "", $"not valid YAML: {exception.Message}");
            return null;
        }
    }

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
