namespace Distributed.Training.Data;

/// <summary>
/// MNIST's own file names, which Fashion-MNIST shares, and what each becomes here.
/// </summary>
internal static class MnistFiles
{
    public static ImageShape Shape { get; } = new(1, 28, 28);

    public static IReadOnlyDictionary<string, string> CacheNames { get; } =
        new Dictionary<string, string>
        {
            ["train-images-idx3-ubyte"] = DatasetManifest.TrainImages,
            ["train-labels-idx1-ubyte"] = DatasetManifest.TrainLabels,
            ["t10k-images-idx3-ubyte"] = DatasetManifest.TestImages,
            ["t10k-labels-idx1-ubyte"] = DatasetManifest.TestLabels,
        };
}
