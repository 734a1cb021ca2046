using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Specification;

namespace Distributed.Training.Inference;

/// <summary>
/// Evaluates images the way a run does: each as it is, or in several views whose logits are
/// averaged. The result of an image does not depend on the others.
/// </summary>
/// <remarks>
/// Used by one thread. Allocates only when a call has more images than any before.
/// </remarks>
internal sealed class TestTimeViews
{
    private readonly TorchModel _model;
    private readonly TestTimeView[] _views;
    private float[] _logitsOfView = [];

    public TestTimeViews(TorchModel model, TestTimeAugmentation augmentation)
    {
        _model = model;
        _views = TestTimeView.Of(augmentation);
    }

    /// <summary>Evaluates images of a dataset from <paramref name="first"/> on.</summary>
    /// <param name="images">Room for them.</param>
    /// <param name="labels">Receives their labels, which says how many they are.</param>
    /// <param name="logits">Receives their logits.</param>
    public EvaluationResult Evaluate(
        BatchAssembler assembler, int first, Span<float> images, Span<int> labels,
        Span<float> logits)
    {
        if (_views.Length == 0)
        {
            assembler.Range(first, labels.Length, images, labels);
            return _model.Evaluate(images, labels, logits);
        }

        logits.Clear();
        foreach (TestTimeView view in _views)
        {
            assembler.Range(first, labels.Length, view.Change, images, labels);
            AddLogits(images, view.Weight, logits);
        }

        return _model.LossOf(logits, labels);
    }

    /// <summary>The logits of one image as a dataset holds it.</summary>
    /// <param name="pixels">Room for the image.</param>
    /// <param name="logits">One for each class.</param>
    public void LogitsOf(
        ReadOnlySpan<byte> image, ImageNormalizer normalizer, Span<float> pixels,
        Span<float> logits)
    {
        if (_views.Length == 0)
        {
            normalizer.Write(image, pixels);
            _model.Evaluate(pixels, [], logits);
            return;
        }

        logits.Clear();
        foreach (TestTimeView view in _views)
        {
            normalizer.Write(image, pixels, view.Change, CropPaddingMode.Reflect);
            AddLogits(pixels, view.Weight, logits);
        }
    }

    private void AddLogits(ReadOnlySpan<float> images, float weight, Span<float> logits)
    {
        if (_logitsOfView.Length < logits.Length)
            _logitsOfView = new float[logits.Length];
        Span<float> own = _logitsOfView.AsSpan(0, logits.Length);
        _model.Evaluate(images, [], own);
        TestTimeView.Add(own, weight, logits);
    }
}
