using Distributed.Training.Data;
using Distributed.Training.Step;

namespace Distributed.Training.Inference;

/// <summary>What a trained network made of each image of a dataset.</summary>
public sealed record TestPredictions
{
    private TestPredictions(int samples)
    {
        Labels = new int[samples];
        Predicted = new int[samples];
        Losses = new double[samples];
        Certainty = new double[samples];
    }

    /// <summary>The true class of each image.</summary>
    public int[] Labels { get; }

    /// <summary>The likeliest class of each image.</summary>
    public int[] Predicted { get; }

    /// <summary>The cross entropy of each image, without label smoothing.</summary>
    public double[] Losses { get; }

    /// <summary>The probability that each image's likeliest class was given.</summary>
    public double[] Certainty { get; }

    /// <summary>Images whose likeliest class is the true one.</summary>
    public int Right { get; private set; }

    /// <summary>The mean loss, as training measures it.</summary>
    public double Loss { get; private set; }

    public int Count => Labels.Length;

    public double Accuracy => (double)Right / Count;

    /// <summary>
    /// Classifies in the batches in which training measures, so that the figures are the same.
    /// </summary>
    public static TestPredictions Of(
        TrainedRun run, Classifier classifier, Dataset images, CancellationToken cancellation)
    {
        const int BatchSamples = TrainingSession.TestBatchSamples;
        var assembler = new BatchAssembler(images, run.Data.Mean, run.Data.StandardDeviation);
        int classes = run.Data.ClassCount;
        int length = images.Shape.Length;
        var result = new TestPredictions(images.Count);
        var pixels = new float[BatchSamples * length];
        var logits = new float[BatchSamples * classes];
        double lossSum = 0;
        for (int first = 0; first < images.Count; first += BatchSamples)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(BatchSamples, images.Count - first);
            Span<int> labels = result.Labels.AsSpan(first, count);
            lossSum += classifier.Evaluate(
                assembler, first, pixels.AsSpan(0, count * length), labels,
                logits.AsSpan(0, count * classes)).LossSum;
            for (int index = 0; index < count; index++)
                result.Take(first + index, logits.AsSpan(index * classes, classes));
        }
        result.Loss = lossSum / images.Count;
        return result;
    }

    private void Take(int sample, ReadOnlySpan<float> logits)
    {
        int best = IndexOfLargest(logits);
        double sum = 0;
        foreach (float logit in logits)
            sum += Math.Exp((double)logit - logits[best]);
        int label = Labels[sample];
        Predicted[sample] = best;
        Certainty[sample] = 1 / sum;
        Losses[sample] = Math.Log(sum) - ((double)logits[label] - logits[best]);
        Right += best == label ? 1 : 0;
    }

    private static int IndexOfLargest(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int index = 1; index < logits.Length; index++)
        {
            if (logits[index] > logits[best])
                best = index;
        }
        return best;
    }
}
