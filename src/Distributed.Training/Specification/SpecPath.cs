using System.Globalization;

namespace Distributed.Training.Specification;

/// <summary>
/// A step of a dotted path: a key and, where given, an index into the list it names.
/// </summary>
public readonly record struct SpecPathStep(string Key, int? Index);

/// <summary>The dotted path of an override, for example model.conv[0].filters.</summary>
public static class SpecPath
{
    /// <summary>Null when the text is no path.</summary>
    public static IReadOnlyList<SpecPathStep>? Parse(string text)
    {
        var steps = new List<SpecPathStep>();
        foreach (var part in text.Split('.'))
        {
            var bracket = part.IndexOf('[', StringComparison.Ordinal);
            var key = bracket < 0 ? part : part[..bracket];
            if (key.Length == 0 || !key.All(char.IsAsciiLetterOrDigit))
                return null;
            int? index = null;
            if (bracket >= 0)
            {
                if (part[^1] != ']' || !int.TryParse(
                        part.AsSpan(bracket + 1, part.Length - bracket - 2), NumberStyles.None,
                        CultureInfo.InvariantCulture, out var number))
                {
                    return null;
                }
                index = number;
            }
            steps.Add(new SpecPathStep(key, index));
        }
        return steps;
    }
}
