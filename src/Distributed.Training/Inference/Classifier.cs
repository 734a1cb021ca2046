using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Specification;

namespace Distributed.Training.Inference;

/// <summary>
/// A trained network that classifies images, in inference mode. One thread at a time.
/// </summary>
public sealed class Classifier : IDisposable
{
    private readonly TorchModel model;
    private readonly TestTimeViews views;
    private readonly NativeBuffer parameters;
    private readonly NativeBuffer statistics;

    /// <summary>Copies the weights out of the run's checkpoint.</summary>
    public Classifier(TrainedRun run)
    {
        TorchLibrary.Initialize(
            run.Spec.ThreadsPerWorker,
            run.Spec.Device is { Kind: DeviceKind.Cuda } device
                ? $"cuda:{device.Index ?? 0}"
                : "cpu");
        model = TorchModel.Create(run.Network.ToEngineText(run.Spec.LabelSmoothing));
        parameters = NativeBuffer.Of(ElementType.Float32, model.ParameterLength);
        statistics = NativeBuffer.Of(ElementType.Float32, model.StatisticsLength);
        Read(run, model.Parameters, parameters);
        Read(run, model.Statistics, statistics);
        model.Bind(parameters, statistics);
        views = new TestTimeViews(model, run.Spec.TestTimeAugmentation);
    }

    /// <summary>
    /// Evaluates images of a dataset from <paramref name="first"/> on, as the run's training does.
    /// </summary>
    /// <param name="assembler">Of the dataset.</param>
    /// <param name="images">Room for them.</param>
    /// <param name="labels">Receives their labels, which says how many they are.</param>
    /// <param name="logits">Receives their logits.</param>
    public EvaluationResult Evaluate(
        BatchAssembler assembler, int first, Span<float> images, Span<int> labels,
        Span<float> logits) =>
        views.Evaluate(assembler, first, images, labels, logits);

    /// <summary>The probability of each class for one image as a dataset holds it.</summary>
    public double[] Probabilities(ReadOnlySpan<byte> image, ImageNormalizer normalizer)
    {
        var pixels = new float[normalizer.Shape.Length];
        var logits = new float[model.Classes];
        views.LogitsOf(image, normalizer, pixels, logits);
        return Softmax(logits);
    }

    public void Dispose()
    {
        model.Dispose();
        parameters.Dispose();
        statistics.Dispose();
    }

    /// <summary>The probabilities that logits stand for.</summary>
    public static double[] Softmax(ReadOnlySpan<float> logits)
    {
        // Shifted by the largest, so that no exponential overflows.
        double largest = logits[0];
        foreach (float logit in logits)
            largest = Math.Max(largest, logit);
        var probabilities = new double[logits.Length];
        double sum = 0;
        for (int index = 0; index < logits.Length; index++)
            sum += probabilities[index] = Math.Exp(logits[index] - largest);
        for (int index = 0; index < logits.Length; index++)
            probabilities[index] /= sum;
        return probabilities;
    }

    private static void Read(
        TrainedRun run, IReadOnlyList<TensorInfo> tensors, NativeBuffer buffer)
    {
        foreach (TensorInfo tensor in tensors)
        {
            run.Checkpoint.Model.ReadFloat32(
                tensor.Name, buffer.AsSpan<float>(tensor.Offset, checked((int)tensor.Length)));
        }
    }
}
