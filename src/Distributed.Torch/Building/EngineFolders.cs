namespace Distributed.Torch.Building;

/// <summary>Where the engine's source is and where what is built of it is kept.</summary>
/// <param name="Source">native/ with its CMakeLists.txt; null for a program that came without
/// it.</param>
/// <param name="Cache">Made when something is kept.</param>
/// <param name="IsBuildOutput">Whether the program lies where a clone of its repository builds
/// it.</param>
internal sealed record EngineFolders(string? Source, string Cache, bool IsBuildOutput)
{
    private const string ListFile = "CMakeLists.txt";

    /// <summary>
    /// A program in a clone, a test's too, uses the source and the folder build of that clone. An
    /// installed one brings the source along and keeps what it builds in the user's cache.
    /// </summary>
    /// <param name="program">The program's folder.</param>
    /// <param name="variable">Reads the environment.</param>
    public static EngineFolders Of(string program, Func<string, string?> variable)
    {
        for (var folder = new DirectoryInfo(program); folder is not null; folder = folder.Parent)
        {
            var source = Path.Combine(folder.FullName, "src", "Distributed.Torch", "native");
            if (!File.Exists(Path.Combine(source, ListFile)))
                continue;
            var place = Path.GetRelativePath(folder.FullName, program).Split('/')[0];
            return new(
                source, Path.Combine(folder.FullName, "build", "native"),
                IsBuildOutput: place is "src" or "tests");
        }

        var beside = Path.Combine(program, "native");
        var cache = variable("XDG_CACHE_HOME") is { Length: > 0 } own
            ? own
            : Path.Combine(
                variable("HOME") is { Length: > 0 } home ? home : Path.GetTempPath(), ".cache");
        return new(
            File.Exists(Path.Combine(beside, ListFile)) ? beside : null,
            Path.Combine(cache, "distributed", "native"), IsBuildOutput: false);
    }
}
