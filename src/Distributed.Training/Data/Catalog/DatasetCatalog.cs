using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>
/// All datasets by name, and image folders by path. A dataset is fetched and decoded once a
/// machine, into four IDX files and a manifest; from then on opening it is a matter of
/// milliseconds.
/// </summary>
public sealed class DatasetCatalog
{
    /// <summary>Moves the cache to another folder.</summary>
    public const string CacheVariable = "DISTRIBUTED_DATA";

    private readonly DatasetCache _cache;
    private readonly Func<DatasetOptions, IReadOnlyList<DatasetRecipe>> _recipes;

    /// <summary>The catalog over this user's cache folder.</summary>
    public DatasetCatalog()
        : this(DefaultCacheFolder(), new SystemCommands(), BuiltInRecipes)
    {
    }

    internal DatasetCatalog(
        string cacheFolder, ICommandRunner commands,
        Func<DatasetOptions, IReadOnlyList<DatasetRecipe>> recipes)
    {
        _cache = new DatasetCache(cacheFolder, new PackageClients(commands));
        _recipes = recipes;
    }

    public static IReadOnlyList<string> Names { get; } =
        ["mnist", "fashion-mnist", "cifar-10", "doodle"];

    /// <summary>
    /// Opens a dataset, fetching or decoding it first when that is still to be done (or is asked
    /// for again with <paramref name="force"/>). Takes its time then, and reports progress.
    /// </summary>
    /// <param name="nameOrFolder">One of <see cref="Names"/>, or a folder of images.</param>
    public DatasetPair Get(
        string nameOrFolder, DatasetOptions? options = null, bool force = false,
        IProgress<DatasetProgress>? progress = null, CancellationToken cancellation = default)
    {
        var recipe = Recipe(nameOrFolder, options);
        if (force || !_cache.IsCurrent(recipe))
        {
            _cache.Build(recipe, force, progress, cancellation);
        }
        return _cache.Open(recipe);
    }

    /// <summary>
    /// Opens a dataset that is in the cache; never fetches. Checks lengths, magic numbers and
    /// labels, and with <paramref name="verifyChecksums"/> every byte.
    /// </summary>
    public DatasetPair Load(
        string nameOrFolder, bool verifyChecksums = false, DatasetOptions? options = null)
    {
        var recipe = Recipe(nameOrFolder, options);
        if (!_cache.IsCurrent(recipe))
        {
            throw new OperatingException(
                $"dataset {recipe.Name} is not in the cache, or has changed since; expected it in "
                + $"{_cache.FolderOf(recipe)}; run: {recipe.GetCommand}");
        }
        if (verifyChecksums)
        {
            _cache.Verify(recipe);
        }
        return _cache.Open(recipe);
    }

    /// <summary>
    /// Checks every byte of a cached dataset; throws with the first file that differs.
    /// </summary>
    public void Verify(string nameOrFolder, DatasetOptions? options = null) =>
        Load(nameOrFolder, verifyChecksums: true, options).Dispose();

    /// <summary>
    /// The named datasets, cached or not. Never throws for a bad one, but says so.
    /// </summary>
    public IReadOnlyList<DatasetStatus> List() =>
        [.. _recipes(DatasetOptions.Default).Select(_cache.Status)];

    /// <summary>
    /// Checks a dataset's name without opening anything, so that a run spec can be refused as a
    /// whole. Null when it is known or is a folder, else what is wrong in one line.
    /// </summary>
    public static string? ProblemWithName(string nameOrFolder)
    {
        if (Names.Contains(nameOrFolder) || Directory.Exists(nameOrFolder))
        {
            return null;
        }
        if (nameOrFolder.Contains('/') || File.Exists(nameOrFolder))
        {
            return $"dataset folder {nameOrFolder} does not exist, expected a folder of images "
                + "(CLASS/*.png or .jpg, or the same below train/ and test/); check the path";
        }
        var nearest = Nearest.Of(nameOrFolder, Names);
        return $"unknown dataset '{nameOrFolder}', expected {string.Join(", ", Names)} or a folder"
            + (nearest is null ? "; choose one of these" : $"; did you mean '{nearest}'?");
    }

    internal static IReadOnlyList<DatasetRecipe> BuiltInRecipes(DatasetOptions options) =>
    [
        new MnistRecipe(), new FashionMnistRecipe(), new CifarRecipe(),
        new DoodleRecipe(options.Classes),
    ];

    internal static string DefaultCacheFolder()
    {
        if (Environment.GetEnvironmentVariable(CacheVariable) is { Length: > 0 } own)
        {
            return Path.GetFullPath(own);
        }
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (string.IsNullOrEmpty(cache) || !Path.IsPathRooted(cache))
        {
            var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            cache = home.Length > 0
                ? Path.Combine(home, ".cache")
                : throw new OperatingException(
                    "there is no home folder to cache datasets in, expected HOME, XDG_CACHE_HOME "
                    + $"or {CacheVariable}; set {CacheVariable} to a folder");
        }
        return Path.Combine(cache, "distributed", "datasets");
    }

    private DatasetRecipe Recipe(string nameOrFolder, DatasetOptions? options)
    {
        options ??= DatasetOptions.Default;
        var recipe = _recipes(options).FirstOrDefault(known => known.Name == nameOrFolder);
        if (recipe is not null)
        {
            return recipe;
        }
        return ProblemWithName(nameOrFolder) is { } problem
            ? throw new OperatingException(problem, ExitCodes.BadUsage)
            : new ImageFolderRecipe(nameOrFolder, options);
    }
}
