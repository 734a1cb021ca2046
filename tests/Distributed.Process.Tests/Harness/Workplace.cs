using System.Collections.Concurrent;

namespace Distributed.Process.Tests;

/// <summary>The tests of real processes, one after the other, in one workplace.</summary>
[CollectionDefinition(Name)]
public sealed class ProcessCollection : ICollectionFixture<Workplace>
{
    public const string Name = "processes";
}

/// <summary>
/// A folder with a small image set, its cache and the run folders of the tests; needs no network
/// and
/// no package. Undisturbed runs, to which the others are compared, are made once.
/// </summary>
public sealed class Workplace : IDisposable
{
    private readonly ConcurrentDictionary<string, CommandResult> _undisturbed = [];
    private int _folders;

    public Workplace()
    {
        Signals.RestoreInterrupt();
        Folder = Directory.CreateTempSubdirectory("distributed-process-").FullName;
        DatasetFolder = Path.Combine(Folder, "drawn");
        CacheFolder = Path.Combine(Folder, "cache");
        Directory.CreateDirectory(CurrentFolder);
        DrawnImages.Write(DatasetFolder);
    }

    private Workplace(Workplace original, string cacheFolder)
    {
        Folder = original.Folder;
        DatasetFolder = original.DatasetFolder;
        CacheFolder = cacheFolder;
    }

    public string Folder { get; }

    /// <summary>Where the commands run: beside all else, so that no path is shortened.</summary>
    public string CurrentFolder => Path.Combine(Folder, "current");

    public string DatasetFolder { get; }

    public string CacheFolder { get; }

    /// <summary>A path that no test has used yet; nothing is there.</summary>
    public string NewPath(string name) =>
        Path.Combine(Folder, $"{name}-{Interlocked.Increment(ref _folders)}");

    /// <summary>The same place with a copy of the dataset cache, to be damaged.</summary>
    public Workplace WithOwnCache()
    {
        Undisturbed(Recipe.CourseCnn);
        string copy = NewPath("damaged-cache");
        foreach (string file in Directory.EnumerateFiles(
            CacheFolder, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(copy, Path.GetRelativePath(CacheFolder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return new Workplace(this, copy);
    }

    internal CommandRun Start(params string[] arguments) => CommandRun.Start(this, arguments);

    internal CommandResult Run(params string[] arguments)
    {
        using CommandRun run = Start(arguments);
        return run.Finish();
    }

    /// <summary>`train --json` of a recipe into a folder.</summary>
    internal CommandRun StartTraining(
        Recipe recipe, string folder, int workers, params string[] more) =>
        Start([.. Arguments(recipe), "--out", folder, "--workers", $"{workers}", .. more]);

    internal CommandRun StartResume(string folder, int workers, params string[] more) =>
        Start(["train", "--json", "--resume", "--out", folder, "--workers", $"{workers}", .. more]);

    /// <summary>`train --json` with the recipe's flags, but neither folder nor workers.</summary>
    internal IReadOnlyList<string> Arguments(Recipe recipe) =>
        ["train", "--json", "--dataset", DatasetFolder, .. recipe.Flags(this)];

    /// <summary>The recipe from start to end by one worker with nothing in between.</summary>
    internal CommandResult Undisturbed(Recipe recipe) => _undisturbed.GetOrAdd(recipe.Name, _ =>
    {
        using CommandRun run = StartTraining(recipe, NewPath(recipe.Name), workers: 1);
        return run.Finish().Expect(0);
    });

    internal string UndisturbedFolder(Recipe recipe) =>
        JsonEvents.Done(Undisturbed(recipe)).GetProperty("run").GetString()!;

    public void Dispose()
    {
        if (Directory.Exists(Folder))
            Directory.Delete(Folder, recursive: true);
    }
}
