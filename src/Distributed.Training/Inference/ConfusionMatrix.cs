namespace Distributed.Training.Inference;

/// <summary>How often each class was taken for each other one.</summary>
public sealed class ConfusionMatrix
{
    private readonly int[,] _counts;

    private ConfusionMatrix(int classes) => _counts = new int[classes, classes];

    public int Classes => _counts.GetLength(0);

    /// <summary>Images of the one class that were taken for the other.</summary>
    public int this[int label, int predicted] => _counts[label, predicted];

    public static ConfusionMatrix Of(TestPredictions predictions, int classes)
    {
        var matrix = new ConfusionMatrix(classes);
        foreach ((int label, int predicted) in predictions.Labels.Zip(predictions.Predicted))
            matrix._counts[label, predicted]++;
        return matrix;
    }

    /// <summary>Images of a class.</summary>
    public int Total(int label) => Enumerable.Range(0, Classes).Sum(other => this[label, other]);

    /// <summary>
    /// The share of a class's images that were recognised: its accuracy. NaN without images.
    /// </summary>
    public double Recall(int label) => (double)this[label, label] / Total(label);

    /// <summary>
    /// The share of the images taken for a class that are of it. NaN where none was.
    /// </summary>
    public double Precision(int label) => (double)this[label, label]
        / Enumerable.Range(0, Classes).Sum(other => this[other, label]);
}
