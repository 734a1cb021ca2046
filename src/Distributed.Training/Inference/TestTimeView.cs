using Distributed.Kernel;
using Distributed.Training.Data;
using Distributed.Training.Specification;

namespace Distributed.Training.Inference;

/// <summary>
/// A change to every image of an evaluation, what comes in being reflected, and what the logits
/// then count.
/// </summary>
internal readonly record struct TestTimeView(Augmentation Change, float Weight)
{
    /// <summary>Empty where an image is looked at as it is.</summary>
    public static TestTimeView[] Of(TestTimeAugmentation augmentation) => augmentation switch
    {
        TestTimeAugmentation.None => [],
        TestTimeAugmentation.Mirror => [.. BothWays(0, 0.5f)],
        TestTimeAugmentation.MirrorAndShift =>
            [.. BothWays(0, 0.25f), .. BothWays(-1, 0.125f), .. BothWays(1, 0.125f)],
        _ => throw new InvariantException($"no views for {augmentation}"),
    };

    /// <summary>Adds the logits of one view to those of all.</summary>
    public static void Add(ReadOnlySpan<float> ofView, float weight, Span<float> logits)
    {
        for (int index = 0; index < ofView.Length; index++)
            logits[index] += weight * ofView[index];
    }

    private static TestTimeView[] BothWays(int shift, float weight) =>
        [new(Moved(shift, flip: false), weight), new(Moved(shift, flip: true), weight)];

    private static Augmentation Moved(int shift, bool flip) =>
        new(shift, shift, 0, 0, flip, 0, 0, 0, 0);
}
