using System.Security.Cryptography;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>
/// The folder that datasets are cached in, one folder each. A dataset is written beside its place
/// and renamed into it, under a lock, so another process sees all of it or nothing.
/// </summary>
internal sealed class DatasetCache(string root, PackageClients packages)
{
    private static readonly TimeSpan LockPollInterval = TimeSpan.FromMilliseconds(100);

    public string FolderOf(DatasetRecipe recipe) => Path.Combine(root, recipe.CacheKey);

    /// <summary>Whether the dataset is there, made from what its source is now.</summary>
    public bool IsCurrent(DatasetRecipe recipe)
    {
        var folder = FolderOf(recipe);
        if (!File.Exists(Path.Combine(folder, DatasetManifest.FileName)))
        {
            return false;
        }
        return recipe.SourceFingerprint() is not { } fingerprint
            || DatasetManifest.Read(folder, recipe.Mend).SourceFingerprint == fingerprint;
    }

    public DatasetPair Open(DatasetRecipe recipe) =>
        Open(FolderOf(recipe), DatasetManifest.Read(FolderOf(recipe), recipe.Mend), recipe);

    /// <summary>
    /// Compares the SHA-256 of all files with the manifest and with what is published.
    /// </summary>
    public void Verify(DatasetRecipe recipe)
    {
        var folder = FolderOf(recipe);
        var manifest = DatasetManifest.Read(folder, recipe.Mend);
        foreach (var name in DatasetManifest.FileNames)
        {
            var path = Path.Combine(folder, name);
            CheckSha256(
                path, FileChecksum.Compute(path, HashAlgorithmName.SHA256, recipe.Mend),
                recipe.KnownSha256.GetValueOrDefault(name) ?? manifest.Files[name].Sha256,
                recipe.Mend);
        }
    }

    public DatasetStatus Status(DatasetRecipe recipe)
    {
        var folder = FolderOf(recipe);
        var isCached = File.Exists(Path.Combine(folder, DatasetManifest.FileName));
        var absent = new DatasetStatus(
            recipe.Name, recipe.Description, folder, isCached, null, null, 0, 0, 0, 0, null);
        if (!isCached)
        {
            return absent;
        }
        try
        {
            var manifest = DatasetManifest.Read(folder, recipe.Mend);
            Open(folder, manifest, recipe).Dispose();
            return absent with
            {
                Source = manifest.Source,
                Shape = manifest.Shape,
                ClassCount = manifest.Classes.Count,
                TrainCount = manifest.TrainCount,
                TestCount = manifest.TestCount,
                Bytes = manifest.Files.Values.Sum(file => file.Bytes),
            };
        }
        catch (OperatingException error)
        {
            return absent with { Problem = error.Message };
        }
    }

    /// <summary>Fetches and converts; leaves the cache as it was if anything goes wrong.</summary>
    public void Build(
        DatasetRecipe recipe, bool force, IProgress<DatasetProgress>? progress,
        CancellationToken cancellation)
    {
        var whole = new ProgressScope(progress, recipe.Name, 0, 1);
        try
        {
            Directory.CreateDirectory(root);
            using var held = Lock(recipe, whole, cancellation);
            if (!force && IsCurrent(recipe))
            {
                return;
            }
            // What a killed process left is nobody's now that the lock is ours.
            var partial = Path.Combine(root, $".{recipe.CacheKey}.partial");
            Remove(partial);
            try
            {
                Convert(recipe, partial, whole, cancellation);
            }
            finally
            {
                Remove(partial);
            }
            whole.Report(1);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"dataset {recipe.Name} cannot be written to {root} ({error.Message}), expected a "
                + "writable folder with room; free space there or set "
                + $"{DatasetCatalog.CacheVariable} to another folder", inner: error);
        }
    }

    private void Convert(
        DatasetRecipe recipe, string partial, ProgressScope whole, CancellationToken cancellation)
    {
        var download = Path.Combine(partial, "download");
        var data = Path.Combine(partial, "data");
        Directory.CreateDirectory(download);
        Directory.CreateDirectory(data);
        var content = recipe.Build(new RecipeContext(
            download, data, packages, whole.Part(recipe.Name, 0, 0.95), cancellation));
        var checking = whole.Part("checking", 0.95, 1);
        var manifest = Describe(recipe, content, data);
        using (var pair = Open(data, manifest, recipe))
        {
            if (content.Statistics is null)
            {
                var (mean, deviation) = ChannelStatistics.Of(pair.Train);
                manifest = manifest with { Mean = mean, StandardDeviation = deviation };
            }
        }
        checking.Report(0.9);
        manifest.Write(data);
        Publish(data, FolderOf(recipe), partial);
    }

    private static DatasetManifest Describe(
        DatasetRecipe recipe, DatasetContent content, string data)
    {
        var files = new SortedDictionary<string, DatasetFile>(StringComparer.Ordinal);
        foreach (var name in DatasetManifest.FileNames)
        {
            var path = Path.Combine(data, name);
            SyncToDisk(path);
            var sha256 = FileChecksum.Compute(path, HashAlgorithmName.SHA256, recipe.Mend);
            CheckSha256(
                $"{name} of {recipe.Name} from {content.Source}", sha256,
                recipe.KnownSha256.GetValueOrDefault(name) ?? sha256,
                recipe.Mend);
            files.Add(name, new DatasetFile(new FileInfo(path).Length, sha256));
        }
        var zeros = new double[content.Shape.Channels];
        return new DatasetManifest
        {
            Format = DatasetManifest.CurrentFormat,
            Name = recipe.Name,
            Source = content.Source,
            SourceFingerprint = content.SourceFingerprint,
            Shape = content.Shape,
            TrainCount = CountLabels(data, DatasetManifest.TrainLabels, recipe.Mend),
            TestCount = CountLabels(data, DatasetManifest.TestLabels, recipe.Mend),
            Classes = content.Classes,
            Mean = content.Statistics?.Mean ?? zeros,
            StandardDeviation = content.Statistics?.StandardDeviation ?? zeros,
            Files = files,
        };
    }

    private static int CountLabels(string folder, string name, string mend) =>
        Dataset.ReadLabels(Path.Combine(folder, name), mend).Length;

    private static DatasetPair Open(string folder, DatasetManifest manifest, DatasetRecipe recipe)
    {
        Dataset Split(DatasetSplit split, string images, string labels, int count) => Dataset.Open(
            recipe.Name, split, manifest.Shape, manifest.Classes,
            Path.Combine(folder, images), Path.Combine(folder, labels), count, recipe.Mend);

        var train = Split(
            DatasetSplit.Train, DatasetManifest.TrainImages, DatasetManifest.TrainLabels,
            manifest.TrainCount);
        try
        {
            var test = Split(
                DatasetSplit.Test, DatasetManifest.TestImages, DatasetManifest.TestLabels,
                manifest.TestCount);
            return new DatasetPair(train, test, manifest.Mean, manifest.StandardDeviation);
        }
        catch
        {
            train.Dispose();
            throw;
        }
    }

    private static void CheckSha256(string what, string actual, string expected, string mend)
    {
        if (actual != expected)
        {
            throw new OperatingException(
                $"{what} has SHA-256 {actual[..16]}…, expected {expected[..16]}…; {mend}");
        }
    }

    /// <summary>Moves finished data to its place, over an older one if there is one.</summary>
    private static void Publish(string data, string target, string partial)
    {
        if (Directory.Exists(target))
        {
            // A process that has the old files mapped keeps them until it closes them.
            Directory.Move(target, Path.Combine(partial, "old"));
        }
        Directory.Move(data, target);
    }

    /// <summary>
    /// Waits for the right to build one dataset. The system drops the lock of a process that dies.
    /// </summary>
    private FileStream Lock(
        DatasetRecipe recipe, ProgressScope progress, CancellationToken cancellation)
    {
        var path = Path.Combine(root, $".{recipe.CacheKey}.lock");
        while (true)
        {
            try
            {
                return new FileStream(
                    path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException error) when (IsHeldByAnother(error))
            {
                progress.Part("waiting for another process that fetches it", 0, 0);
                cancellation.ThrowIfCancellationRequested();
                cancellation.WaitHandle.WaitOne(LockPollInterval);
            }
        }
    }

    /// <summary>
    /// The runtime passes on the errno of its advisory lock: EAGAIN, of Linux or BSD.
    /// </summary>
    private static bool IsHeldByAnother(IOException error) => error.HResult is 11 or 35;

    private static void SyncToDisk(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Flush(flushToDisk: true);
    }

    private static void Remove(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
