using Distributed.Cluster.Sweeps;
using Distributed.Runtime.Sweeps;

namespace Distributed.Runtime.Tests.Sweeps;

/// <summary>Sweep files for tests.</summary>
internal static class SweepFiles
{
    public static IReadOnlyList<DatasetSize> Sizes { get; } =
        [new("mnist", 60_000, 10_000, 1, 28, 28, 10)];

    public static SweepFileContent Read(string yaml, params string[] overrides) =>
        SweepFile.Read(yaml, "test.yaml", overrides);

    public static SweepDescription Describe(string yaml) =>
        Read(yaml).Describe("/sweep", Sizes, "");

    /// <summary>The text of a file that comes with the program.</summary>
    public static string Deployed(string name)
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Distributed.sln")))
            folder = folder.Parent;
        return File.ReadAllText(Path.Combine(folder!.FullName, "deploy", "sweeps", name));
    }
}
