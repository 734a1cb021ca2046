namespace Distributed.Cli.Nodes;

/// <summary>The words that run a sweep.</summary>
internal static class SweepCommandLine
{
    /// <summary>From the sweep file's copy in the sweep's folder.</summary>
    public static string Again(string folder, IReadOnlyList<string> settings)
    {
        string file = Path.Combine(folder, SweepFolder.SpecificationFile);
        return string.Join(
            ' ',
            [
                "./distributed sweep", Quoted(file),
                .. settings.Select(setting => $"--set {Quoted(setting)}"),
            ]);
    }

    /// <summary>As a shell reads it.</summary>
    public static string Quoted(string word) =>
        word.All(letter => char.IsAsciiLetterOrDigit(letter) || "/._-=".Contains(letter))
            ? word
            : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}
