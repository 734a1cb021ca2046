using Distributed.Cluster.Sweeps;
using Distributed.Runtime.Coordination;
using Distributed.Training.Data;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>What a sweep knows of the datasets that its trials use.</summary>
public static class DatasetSizes
{
    private const int DoodleTrainSamplesPerClass = 80;
    private const int DoodleTestSamplesPerClass = 20;

    /// <summary>
    /// Name and choice of classes, such as mnist, doodle[:5] for the first five classes, or
    /// doodle[cat, fish]. Limits are not part of it: they cut what is the same dataset.
    /// </summary>
    public static string KeyOf(DatasetSpec dataset) =>
        dataset.ClassNames.Count > 0 ? $"{dataset.Name}[{string.Join(", ", dataset.ClassNames)}]"
        : dataset.ClassCount is { } count ? $"{dataset.Name}[:{SpecWords.Of(count)}]"
        : dataset.Name;

    /// <summary>The size of a dataset that has been opened.</summary>
    /// <param name="data">Without limits.</param>
    public static DatasetSize Of(DatasetSpec dataset, DatasetPair data) => new(
        KeyOf(dataset), data.Train.Count, data.Test.Count, data.Shape.Channels,
        data.Shape.Height, data.Shape.Width, data.ClassCount);

    /// <summary>
    /// The size of a dataset known by name, without fetching it; null where only the data can tell.
    /// </summary>
    public static DatasetSize? Known(DatasetSpec dataset)
    {
        if (DatasetFacts.Known(dataset) is not { } facts)
            return null;
        bool isWhole = dataset.ClassNames.Count == 0 && dataset.ClassCount is null;
        (int train, int test)? counts = dataset.Name switch
        {
            "doodle" => (
                facts.Classes * DoodleTrainSamplesPerClass,
                facts.Classes * DoodleTestSamplesPerClass),
            _ when isWhole && facts.TrainCount is { } count => (count, 10_000),
            _ => null,
        };
        return counts is not { } known
            ? null
            : new DatasetSize(
                KeyOf(dataset), known.train, known.test, facts.Image.Channels, facts.Image.Height,
                facts.Image.Width, facts.Classes);
    }

    /// <summary>The samples of a run with its limits, which take the first so many.</summary>
    public static SampleCounts Limited(DatasetSpec dataset, DatasetSize size) => new(
        Math.Min(dataset.TrainLimit ?? size.TrainSamples, size.TrainSamples),
        Math.Min(dataset.TestLimit ?? size.TestSamples, size.TestSamples));

    internal static DatasetSize? Find(DatasetSpec dataset, IReadOnlyList<DatasetSize> sizes)
    {
        string key = KeyOf(dataset);
        return sizes.FirstOrDefault(size => size.Key == key);
    }

    internal static DatasetFacts Facts(DatasetSize size) => new(
        new ImageShape(size.Channels, size.Height, size.Width), size.Classes, size.TrainSamples);

    internal static DatasetFacts? FactsOf(
        DatasetSpec dataset, IReadOnlyList<DatasetSize> sizes) =>
        Find(dataset, sizes) is { } size ? Facts(size) : DatasetFacts.Known(dataset);
}

