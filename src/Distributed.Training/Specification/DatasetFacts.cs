using Distributed.Training.Data;

namespace Distributed.Training.Specification;

/// <summary>
/// What the checks of a spec need to know of a dataset. Known ahead of any download for the named
/// datasets; for a folder they are known once it has been scanned.
/// </summary>
/// <param name="TrainCount">Samples before any limit; null where it is not known yet.</param>
public sealed record DatasetFacts(ImageShape Image, int Classes, int? TrainCount)
{
    /// <summary>Doodle has 345 classes; a run that does not choose takes the first ten.</summary>
    private const int DoodleClassesDefault = 10;

    internal static IReadOnlyList<string> KnownNames { get; } =
        ["mnist", "fashion-mnist", "cifar-10", "doodle"];

    /// <summary>The facts of a dataset known by name; null for a folder.</summary>
    public static DatasetFacts? Known(DatasetSpec dataset)
    {
        int? chosen = dataset.ClassNames.Count > 0 ? dataset.ClassNames.Count : dataset.ClassCount;
        // A choice of classes leaves out samples, so the count is only known without one.
        int? count(int all) => chosen is null ? all : null;
        return dataset.Name switch
        {
            "mnist" or "fashion-mnist" =>
                new DatasetFacts(new ImageShape(1, 28, 28), chosen ?? 10, count(60_000)),
            "cifar-10" => new DatasetFacts(new ImageShape(3, 32, 32), chosen ?? 10, count(50_000)),
            "doodle" =>
                new DatasetFacts(new ImageShape(1, 28, 28), chosen ?? DoodleClassesDefault, null),
            _ => null,
        };
    }
}
