using Distributed.Kernel;

namespace Distributed.Training.Specification;

/// <summary>Collects the errors of a spec, so that a user mends all of them at once.</summary>
public sealed class SpecErrors
{
    private readonly List<string> lines = [];

    public int Count => lines.Count;

    /// <summary>Adds a line; <paramref name="key"/> may be empty where no key is meant.</summary>
    public void Add(string where, string key, string problem)
    {
        var line = key.Length == 0 ? $"{where}: {problem}" : $"{where} {key}: {problem}";
        Add(line);
    }

    /// <summary>Adds a line that says by itself where and what.</summary>
    public void Add(string line) =>
        // An error message is one line whatever the user's text held.
        lines.Add(line.ReplaceLineEndings(" "));

    /// <summary>Ends a message about an unknown word with what was probably meant.</summary>
    public static string KnownWords(string word, IEnumerable<string> known)
    {
        var all = known.ToList();
        return Nearest.Of(word, all) is { } nearest
            ? $"did you mean {nearest}?"
            : $"known: {string.Join(", ", all)}";
    }

    /// <exception cref="SpecificationException">There are errors; it has all of them.</exception>
    public void ThrowIfAny()
    {
        if (lines.Count > 0)
            throw new SpecificationException([.. lines]);
    }
}
