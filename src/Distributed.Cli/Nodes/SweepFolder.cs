using System.Globalization;
using System.Text.Json;
using Distributed.Cli.Exercises;
using Distributed.Kernel;

namespace Distributed.Cli.Nodes;

/// <summary>What a sweep's folder says of the sweep: its number, and who runs it.</summary>
/// <param name="Sweep">16 hexadecimal digits.</param>
/// <param name="Cluster">host:port of the coordinators that were last asked to run it.</param>
internal sealed record SweepFolder(string Sweep, IReadOnlyList<string> Cluster)
{
    public const string Root = "sweeps";

    /// <summary>The sweep file as it was read.</summary>
    public const string SpecificationFile = "sweep.yaml";

    /// <summary>Relative to the folder: processes' logs, and the store where there is no other
    /// cluster.</summary>
    public const string LogFolder = "logs";

    private const string FileName = "sweep.json";

    /// <summary>Where sweeps are that are named without their folder.</summary>
    private static readonly string[] Places = ["", Root, ExerciseFolders.Root];

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
    };

    /// <summary>The exercise that it is the sweep of; null for none.</summary>
    public int? Exercise { get; init; }

    /// <summary>The command that runs the same again; null where it was not kept.</summary>
    public string? Command { get; init; }

    /// <summary>The configuration with the cluster's security, by its full path; null for that of
    /// the environment.</summary>
    public string? Configuration { get; init; }

    public ulong Number => ulong.Parse(
        Sweep, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    /// <summary>A folder for a new sweep, `sweeps/date-time-name`, which does not exist
    /// yet.</summary>
    public static string NewFolder(string name) =>
        RunFolders.Unused(Root, $"{RunFolders.Stamp()}-{name}");

    /// <summary>The sweep under sweeps/ that was written to last.</summary>
    public static string Newest()
    {
        string? newest = Directory.Exists(Root)
            ? Directory.EnumerateDirectories(Root)
                .Where(folder => File.Exists(Path.Combine(folder, FileName)))
                .MaxBy(folder => File.GetLastWriteTimeUtc(Path.Combine(folder, FileName)))
            : null;
        return newest ?? throw new OperatingException(
            $"no sweep under {Root}/ to go on with: expected one; name its folder with --out DIR");
    }

    /// <summary>The folder that the words name: a path, or a name under sweeps/ or
    /// exercises/.</summary>
    public static string Find(string words)
    {
        if (TryFind(words) is { } found)
            return found;
        IEnumerable<string> known = Directory.Exists(Root)
            ? Directory.EnumerateDirectories(Root).Select(folder => Path.GetFileName(folder)!)
            : [];
        throw new OperatingException(
            $"no sweep '{words}': expected a sweep's folder, such as {Root}/NAME"
            + (Nearest.Of(Path.GetFileName(words), known) is { } near
                ? $"; did you mean '{Path.Combine(Root, near)}'?"
                : ""));
    }

    /// <summary>The same; null where there is no such sweep.</summary>
    public static string? TryFind(string words) =>
        Places.Select(place => Path.Combine(place, words)).FirstOrDefault(
            folder => File.Exists(Path.Combine(folder, FileName)));

    /// <summary>Keeps a new sweep out of a folder that holds anything.</summary>
    public static void RefuseExisting(string folder)
    {
        if (!Path.Exists(folder)
            || (Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any()))
            return;
        throw new OperatingException(
            File.Exists(Path.Combine(folder, FileName))
                ? $"{folder} holds a sweep: expected a new folder; go on with it by --resume, or "
                    + "give another --out"
                : $"{folder} is not empty: expected a new folder; give another --out");
    }

    public static SweepFolder Load(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            return JsonSerializer.Deserialize<SweepFolder>(File.ReadAllText(path), Json)
                ?? throw new JsonException("it is empty");
        }
        catch (Exception unreadable) when (
            unreadable is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"{path} cannot be read ({unreadable.Message}): expected what sweep wrote there",
                inner: unreadable);
        }
    }

    public void Save(string folder)
    {
        string path = Path.Combine(folder, FileName);
        File.WriteAllText(path + ".partial", JsonSerializer.Serialize(this, Json));
        File.Move(path + ".partial", path, overwrite: true);
    }
}
