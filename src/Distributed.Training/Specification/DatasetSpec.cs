namespace Distributed.Training.Specification;

/// <summary>
/// Which samples a run sees. <paramref name="Name"/> is a known dataset or a folder of images.
/// </summary>
/// <param name="ClassCount">The first so many classes; null: as many as the dataset gives.</param>
/// <param name="ClassNames">These classes, in this order; empty: not chosen by name.</param>
/// <param name="TrainLimit">The first so many training samples; null: all.</param>
/// <param name="TestLimit">The first so many test samples; null: all.</param>
public sealed record DatasetSpec(
    string Name, int? ClassCount, ValueList<string> ClassNames, int? TrainLimit, int? TestLimit)
{
    public DatasetSpec(string name)
        : this(name, null, [], null, null)
    {
    }
}
