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
    private readonly View[] _views;
    private float[] _logitsOfView = [];

    public TestTimeViews(TorchModel model, TestTimeAugmentation augmentation)
    {
        _model = model;
        _views = ViewsOf(augmentation);
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
        foreach (View view in _views)
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
        foreach (View view in _views)
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
        for (int index = 0; index < own.Length; index++)
            logits[index] += weight * own[index];
    }

    /// <summary>Empty where an image is looked at as it is.</summary>
    private static View[] ViewsOf(TestTimeAugmentation augmentation) => augmentation switch
    {
        TestTimeAugmentation.None => [],
        TestTimeAugmentation.Mirror => [.. BothWays(0, 0.5f)],
        TestTimeAugmentation.MirrorAndShift =>
            [.. BothWays(0, 0.25f), .. BothWays(-1, 0.125f), .. BothWays(1, 0.125f)],
        _ => throw new InvariantException($"no views for {augmentation}"),
    };

    private static View[] BothWays(int shift, float weight) =>
        [new(Moved(shift, flip: false), weight), new(Moved(shift, flip: true), weight)];

    private static Augmentation Moved(int shift, bool flip) =>
        new(shift, shift, 0, 0, flip, 0, 0, 0, 0);

    /// <summary>A change to every image, and what the logits then count.</summary>
    private readonly record struct View(Augmentation Change, float Weight);
}
