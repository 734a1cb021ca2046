namespace Distributed.Process.Tests;

/// <summary>Where the program under test lies.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static string ProgramFolder { get; } =
        Path.Combine(Root, "src", "Distributed.Cli", "bin", "Release", "net10.0");

    public static string Program { get; } = Path.Combine(ProgramFolder, "distributed");

    public static string Pbm { get; } = Path.Combine(
        Root, "src", "Distributed.Pbm", "bin", "Release", "net10.0", "pbm");

    private static string FindRoot()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null;
            folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Distributed.sln")))
                return folder;
        }

        throw new InvalidOperationException(
            $"{AppContext.BaseDirectory} is not inside the repository");
    }
}
