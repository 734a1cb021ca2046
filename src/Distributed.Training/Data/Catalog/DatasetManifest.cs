using System.Text.Json;
using System.Text.Json.Serialization;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>One file of a cached dataset, as it was when it was written.</summary>
internal sealed record DatasetFile(long Bytes, string Sha256);

/// <summary>What lies in a dataset's cache folder and where it came from: manifest.json.</summary>
internal sealed record DatasetManifest
{
    public const string FileName = "manifest.json";

    /// <summary>
    /// Raised when the four files change form, so that an old cache is fetched again.
    /// </summary>
    public const int CurrentFormat = 1;

    public const string TrainImages = "train-images.idx";
    public const string TrainLabels = "train-labels.idx";
    public const string TestImages = "test-images.idx";
    public const string TestLabels = "test-labels.idx";

    public static IReadOnlyList<string> FileNames { get; } =
        [TrainImages, TrainLabels, TestImages, TestLabels];

    public required int Format { get; init; }
    public required string Name { get; init; }

    /// <summary>Client, package and version, or the image folder.</summary>
    public required string Source { get; init; }

    /// <summary>Changes when an image folder does; null for packages, which never change.</summary>
    public string? SourceFingerprint { get; init; }

    public required ImageShape Shape { get; init; }
    public required int TrainCount { get; init; }
    public required int TestCount { get; init; }
    public required IReadOnlyList<string> Classes { get; init; }
    public required IReadOnlyList<double> Mean { get; init; }
    public required IReadOnlyList<double> StandardDeviation { get; init; }
    public required IReadOnlyDictionary<string, DatasetFile> Files { get; init; }

    public static DatasetManifest Read(string folder, string mend)
    {
        var path = Path.Combine(folder, FileName);
        using var file = Dataset.OpenFile(path, mend);
        DatasetManifest? manifest;
        try
        {
            manifest = JsonSerializer.Deserialize(
                file, DatasetManifestJson.Default.DatasetManifest);
        }
        catch (JsonException error)
        {
            throw new OperatingException(
                $"{path} is corrupt (line {error.LineNumber + 1}), expected the manifest of a "
                + $"dataset; {mend}", inner: error);
        }
        if (manifest is null || manifest.Format != CurrentFormat)
        {
            throw new OperatingException(
                $"{path} has format {manifest?.Format ?? 0}, expected {CurrentFormat}; {mend}");
        }
        if (!manifest.IsWhole())
        {
            throw new OperatingException(
                $"{path} is corrupt: expected {FileNames.Count} files, a shape, classes, and a "
                + $"mean and deviation for each channel; {mend}");
        }
        return manifest;
    }

    public void Write(string folder)
    {
        using var file = new FileStream(Path.Combine(folder, FileName), FileMode.CreateNew);
        JsonSerializer.Serialize(file, this, DatasetManifestJson.Default.DatasetManifest);
        file.Flush(flushToDisk: true);
    }

    private bool IsWhole() =>
        Shape is { Channels: > 0, Height: > 0, Width: > 0 }
        && TrainCount > 0 && TestCount >= 0 && Classes.Count > 0
        && Mean.Count == Shape.Channels && StandardDeviation.Count == Shape.Channels
        && FileNames.All(Files.ContainsKey);
}

[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(DatasetManifest))]
internal sealed partial class DatasetManifestJson : JsonSerializerContext;
