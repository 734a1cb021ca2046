using System.Globalization;
using System.Text;

namespace Distributed.Cluster.Configuration;

/// <summary>
/// Java properties, the second format that an include may name: a key and a string on each line,
/// dots in a key making objects. Where a key is both a value and an object, the object stays.
/// </summary>
internal static class HoconProperties
{
    public static ObjectSyntax Parse(string text, string source)
    {
        var root = new ObjectSyntax(new HoconOrigin(source, 1, 1));
        var entries = new List<(string[] Path, ScalarSyntax Value)>();
        var lines = text.ReplaceLineEndings("\n").Split('\n');
        for (var index = 0; index < lines.Length; index++)
        {
            var origin = new HoconOrigin(source, index + 1, 1);
            var line = lines[index].TrimStart();
            if (line.Length == 0 || line[0] is '#' or '!')
            {
                continue;
            }
            while (IsContinued(line) && index + 1 < lines.Length)
            {
                line = line[..^1] + lines[++index].TrimStart();
            }
            var keyEnd = KeyEnd(line);
            var value = line[keyEnd..].TrimStart();
            value = value.Length > 0 && value[0] is '=' or ':' ? value[1..].TrimStart() : value;
            var path = Unescape(line[..keyEnd]).Split('.');
            if (path.Length > HoconPath.ElementsMax)
            {
                throw new HoconException(
                    origin, "a key with too many elements", $"{HoconPath.ElementsMax} at most");
            }
            var scalar = new HoconScalar(origin, HoconScalarKind.Text, Unescape(value));
            entries.Add((path, new ScalarSyntax(scalar)));
        }
        // Shorter keys first, so that an object is put over the value of the same key.
        foreach (var (path, value) in entries.OrderBy(entry => entry.Path.Length))
        {
            root.Put(path, value);
        }
        return root;
    }

    private static bool IsContinued(string line) =>
        (line.Length - line.TrimEnd('\\').Length) % 2 == 1;

    private static int KeyEnd(string line)
    {
        var index = 0;
        while (index < line.Length && line[index] is not ('=' or ':')
            && !char.IsWhiteSpace(line[index]))
        {
            index += line[index] == '\\' ? 2 : 1;
        }
        return Math.Min(index, line.Length);
    }

    private static string Unescape(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var index = 0; index < text.Length; index++)
        {
            if (text[index] != '\\' || index + 1 == text.Length)
            {
                result.Append(text[index]);
                continue;
            }
            var escape = text[++index];
            if (escape == 'u' && index + 4 < text.Length && ushort.TryParse(
                text.AsSpan(index + 1, 4), NumberStyles.AllowHexSpecifier,
                CultureInfo.InvariantCulture, out var code))
            {
                result.Append((char)code);
                index += 4;
                continue;
            }
            result.Append(escape switch
            {
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                'f' => '\f',
                _ => escape,
            });
        }
        return result.ToString();
    }
}
