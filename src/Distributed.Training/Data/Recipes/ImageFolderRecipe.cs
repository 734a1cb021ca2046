using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>A user's own images, decoded once. Grey if all of them are, else RGB.</summary>
internal sealed class ImageFolderRecipe : DatasetRecipe
{
    private const int SideMax = 1024;

    /// <summary>
    /// Decoded images that wait to be written; bounds memory, whatever their size.
    /// </summary>
    private const int WaitingBytesMax = 1 << 26;

    private readonly string _folder;
    private readonly DatasetOptions _options;
    private ImageFolderScan? _scan;

    public ImageFolderRecipe(string folder, DatasetOptions options)
    {
        if (options.ImageSize is < 1 or > SideMax)
        {
            throw new OperatingException(
                $"image size is {options.ImageSize} pixels, expected 1 to {SideMax}; change "
                + "dataset size", ExitCodes.BadUsage);
        }
        Name = folder;
        _folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        _options = options;
    }

    public override string Name { get; }

    public override string CacheKey =>
        $"folder-{SafeName(Path.GetFileName(_folder))}-"
        + DatasetOptions.KeySuffix($"{_folder}\n{_options.ImageSizeText}");

    public override string Description => "image folder";

    private ImageFolderScan Scan => _scan ??= ImageFolderScan.Of(_folder);

    public override string? SourceFingerprint() => Scan.Fingerprint();

    public override DatasetContent Build(RecipeContext context)
    {
        var fingerprint = Scan.Fingerprint();
        var (height, width) = TargetSize();
        var shape = new ImageShape(3, height, width);
        var total = (double)(Scan.Train.Count + Scan.Test.Count);
        var trainEnd = Scan.Train.Count / total;
        var isGrey = WriteImages(
            Scan.Train, shape, context.DataPath(DatasetManifest.TrainImages),
            context.Progress.Part("decoding training images", 0, trainEnd),
            context.Cancellation);
        isGrey &= WriteImages(
            Scan.Test, shape, context.DataPath(DatasetManifest.TestImages),
            context.Progress.Part("decoding test images", trainEnd, 1),
            context.Cancellation);
        if (isGrey)
        {
            shape = shape with { Channels = 1 };
            KeepOneChannel(context, DatasetManifest.TrainImages, Scan.Train.Count, shape);
            KeepOneChannel(context, DatasetManifest.TestImages, Scan.Test.Count, shape);
        }
        WriteLabels(context, DatasetManifest.TrainLabels, Scan.Train);
        WriteLabels(context, DatasetManifest.TestLabels, Scan.Test);
        return new DatasetContent(shape, Scan.Classes, $"folder {_folder}")
        {
            SourceFingerprint = fingerprint,
        };
    }

    private (int Height, int Width) TargetSize()
    {
        if (_options.ImageSize is { } side)
        {
            return (side, side);
        }
        // The first by name, which a person can find, not the first of the shuffled order.
        var first = Scan.Train.MinBy(file => file.Name, StringComparer.Ordinal);
        var image = ImageFile.Decode(first.Path);
        return image.Width <= SideMax && image.Height <= SideMax
            ? (image.Height, image.Width)
            : throw new OperatingException(
                $"image {first.Path} is {image.Width}x{image.Height} pixels, expected at most "
                + $"{SideMax} a side when it sets the size of all; give a dataset size");
    }

    private static bool WriteImages(
        IReadOnlyList<LabelledFile> files, ImageShape shape, string path, ProgressScope progress,
        CancellationToken cancellation)
    {
        using var writer = IdxWriter.Images(path, files.Count, shape);
        var groupSize = Math.Clamp(WaitingBytesMax / shape.Length, 1, 256);
        var group = new byte[groupSize * shape.Length];
        var isGrey = true;
        for (var first = 0; first < files.Count; first += groupSize)
        {
            cancellation.ThrowIfCancellationRequested();
            var count = Math.Min(groupSize, files.Count - first);
            isGrey &= DecodeGroup(files, first, count, shape, group);
            writer.Write(first, group.AsSpan(0, count * shape.Length));
            progress.Report((first + count) / (double)files.Count);
        }
        return isGrey;
    }

    /// <summary>Decodes on all cores; reports the first bad file of the group, not any.</summary>
    private static bool DecodeGroup(
        IReadOnlyList<LabelledFile> files, int first, int count, ImageShape shape, byte[] group)
    {
        var isColour = new bool[count];
        var problems = new OperatingException?[count];
        Parallel.For(0, count, index =>
        {
            try
            {
                var image = ImageFile.Decode(files[first + index].Path);
                var fitted = ImageScaler.Cover(image, shape.Height, shape.Width);
                isColour[index] = !fitted.IsGrey;
                fitted.WritePlanes(
                    shape.Channels, group.AsSpan(index * shape.Length, shape.Length));
            }
            catch (OperatingException problem)
            {
                problems[index] = problem;
            }
        });
        return Array.Find(problems, problem => problem is not null) is { } bad
            ? throw bad
            : !isColour.Contains(true);
    }

    private static void KeepOneChannel(
        RecipeContext context, string fileName, int count, ImageShape shape)
    {
        var path = context.DataPath(fileName);
        var colourPath = path + ".colour";
        File.Move(path, colourPath);
        using (var file = File.OpenRead(colourPath))
        using (var writer = IdxWriter.Images(path, count, shape))
        {
            var colour = new byte[3 * shape.Length];
            file.Position = IdxHeader.ForImages(count, shape with { Channels = 3 }).ByteLength;
            for (var index = 0; index < count; index++)
            {
                file.ReadExactly(colour);
                writer.Write(index, colour.AsSpan(0, shape.Length));
            }
        }
        File.Delete(colourPath);
    }

    private void WriteLabels(
        RecipeContext context, string fileName, IReadOnlyList<LabelledFile> files) =>
        IdxWriter.WriteLabels(
            context.DataPath(fileName), [.. files.Select(file => file.Label)], Scan.Classes.Count);

    private static string SafeName(string name) =>
        string.Concat(name.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-'));
}
