namespace Distributed.Training.Data;

/// <summary>
/// A dataset ready for a run: both splits, and mean and standard deviation of each channel over the
/// training split, in units where white is 1.
/// </summary>
public sealed record DatasetPair(
    Dataset Train, Dataset Test,
    IReadOnlyList<double> Mean, IReadOnlyList<double> StandardDeviation)
    : IDisposable
{
    public string Name => Train.Name;

    public ImageShape Shape => Train.Shape;

    public int ClassCount => Train.ClassNames.Count;

    public IReadOnlyList<string> ClassNames => Train.ClassNames;

    /// <summary>
    /// The same dataset cut to its first samples; null leaves a split whole. The mean stays that
    /// of the whole training split.
    /// </summary>
    public DatasetPair Limit(int? trainSamplesMax, int? testSamplesMax) => this with
    {
        Train = trainSamplesMax is { } train ? Train.Take(train) : Train,
        Test = testSamplesMax is { } test ? Test.Take(test) : Test,
    };

    public void Dispose()
    {
        Train.Dispose();
        Test.Dispose();
    }
}
