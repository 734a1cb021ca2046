using Distributed.Kernel;

namespace Distributed.Cli.Exercises;

/// <summary>Where exercises leave their results unless told otherwise.</summary>
internal static class ExerciseFolders
{
    public const string Root = "exercises";

    /// <summary>A folder for an exercise, `exercises/number-date-time`, which does not exist
    /// yet.</summary>
    public static string New(int number) =>
        RunFolders.Unused(Root, $"{number}-{RunFolders.Stamp()}");

    /// <summary>The last one that was begun.</summary>
    public static string Newest(int number)
    {
        string? newest = Directory.Exists(Root)
            ? Directory.EnumerateDirectories(Root, $"{number}-*")
                .OrderBy(folder => folder, StringComparer.Ordinal).LastOrDefault()
            : null;
        return newest ?? throw new OperatingException(
            $"no exercise {number} under {Root}/ to go on with: expected one; name its folder with "
            + "--out DIR");
    }
}
