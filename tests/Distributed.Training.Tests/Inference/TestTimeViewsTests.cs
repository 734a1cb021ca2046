using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Inference;
using Distributed.Training.Specification;
using Distributed.Training.Step;
using Distributed.Training.Tests.Step;

namespace Distributed.Training.Tests.Inference;

/// <summary>
/// Goal: an evaluation in several views is the average that it says it is. Method: images mirrored
/// and moved by hand go through the network one view at a time.
/// </summary>
public sealed class TestTimeViewsTests : IDisposable
{
    private const int Count = 5;
    private const int Classes = 3;
    private const int Side = 28;

    private readonly DatasetPair _data = TestSessions.Data(testSamples: Count + 2);
    private readonly TrainingSession _session;
    private readonly TorchModel _model;

    public TestTimeViewsTests()
    {
        TorchLibrary.Initialize(threadCount: 1);
        _session = TestSessions.Create(TestSessions.WhitenedModel, 1);
        _model = ((HostEngine)_session.Engine).Model;
    }

    [Fact]
    public void Without_views_the_logits_are_the_networks()
    {
        (float[] logits, EvaluationResult result) = Evaluate(TestTimeAugmentation.None);
        Assert.Equal(Logits((y, x) => (y, x)), logits);
        Assert.Equal(_model.LossOf(logits, Labels()), result);
    }

    [Fact]
    public void Mirror_is_the_mean_of_both_ways()
    {
        float[] expected = Mean(
            Logits((y, x) => (y, x)), Logits((y, x) => (y, Side - 1 - x)));
        (float[] logits, EvaluationResult result) = Evaluate(TestTimeAugmentation.Mirror);
        RequireNear(expected, logits);
        Assert.Equal(_model.LossOf(logits, Labels()), result);
    }

    [Fact]
    public void Shifts_count_as_much_as_the_image_itself()
    {
        float[] still = BothWays(0);
        float[] expected = Mean(still, Mean(BothWays(-1), BothWays(1)));
        (float[] logits, _) = Evaluate(TestTimeAugmentation.MirrorAndShift);
        RequireNear(expected, logits);
        Assert.NotEqual(still, logits);

        float[] BothWays(int shift) => Mean(
            Logits((y, x) => (Reflected(y + shift), Reflected(x + shift))),
            Logits((y, x) => (Reflected(y + shift), Reflected(Side - 1 - x + shift))));
    }

    [Fact]
    public void One_image_alone_has_the_same_logits()
    {
        var views = new TestTimeViews(_model, TestTimeAugmentation.MirrorAndShift);
        var logits = new float[Classes];
        var normalizer = new ImageNormalizer(_data.Shape, _data.Mean, _data.StandardDeviation);
        views.LogitsOf(_data.Test.Image(1), normalizer, new float[Side * Side], logits);
        (float[] all, _) = Evaluate(TestTimeAugmentation.MirrorAndShift);
        RequireNear(all[..Classes], logits);
    }

    public void Dispose()
    {
        _session.Dispose();
        _data.Dispose();
    }

    private static int Reflected(int place) =>
        place < 0 ? -place : place >= Side ? (2 * Side) - 2 - place : place;

    private static float[] Mean(float[] first, float[] second) =>
        [.. first.Zip(second, (left, right) => (left + right) / 2)];

    private static void RequireNear(float[] expected, float[] actual)
    {
        foreach ((float wanted, float found) in expected.Zip(actual))
            Assert.Equal(wanted, found, 1e-5);
    }

    private int[] Labels() =>
        [.. Enumerable.Range(1, Count).Select(sample => _data.Test.Label(sample))];

    private (float[] Logits, EvaluationResult Result) Evaluate(TestTimeAugmentation augmentation)
    {
        var views = new TestTimeViews(_model, augmentation);
        var assembler = new BatchAssembler(_data.Test, _data.Mean, _data.StandardDeviation);
        var logits = new float[Count * Classes];
        var labels = new int[Count];
        EvaluationResult result = views.Evaluate(
            assembler, 1, new float[Count * Side * Side], labels, logits);
        Assert.Equal(Labels(), labels);
        return (logits, result);
    }

    /// <summary>Of the images of which each pixel shows another of the source.</summary>
    private float[] Logits(Func<int, int, (int Y, int X)> source)
    {
        var images = new byte[Count * Side * Side];
        for (int at = 0; at < images.Length; at++)
        {
            int pixel = at % (Side * Side);
            (int y, int x) = source(pixel / Side, pixel % Side);
            images[at] = _data.Test.Image(1 + (at / (Side * Side)))[(y * Side) + x];
        }

        var values = new float[images.Length];
        new ImageNormalizer(_data.Shape, _data.Mean, _data.StandardDeviation)
            .Write(images, values);
        var logits = new float[Count * Classes];
        _model.Evaluate(values, [], logits);
        return logits;
    }
}
