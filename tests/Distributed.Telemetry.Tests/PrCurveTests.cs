using FsCheck.Xunit;

namespace Distributed.Telemetry.Tests;

/// <summary>Curves are what counting anew for each threshold gives.</summary>
public sealed class PrCurveTests
{
    [Property(MaxTest = 150)]
    public void Each_threshold_counts_what_is_taken_for_the_class(int seed)
    {
        var random = new Random(seed);
        var thresholds = random.Next(2, 140);
        var labels = new bool[random.Next(300)];
        var predictions = new float[labels.Length];
        for (var sample = 0; sample < labels.Length; sample++)
        {
            labels[sample] = random.Next(3) == 0;
            predictions[sample] = random.Next(10) switch
            {
                0 => 0,
                1 => 1,
                2 => 2,
                3 => float.NaN,
                _ => random.NextSingle(),
            };
        }
        var curve = Encoded(labels, predictions, thresholds);
        for (var threshold = 0; threshold < thresholds; threshold++)
        {
            bool IsTaken(int sample) => threshold == 0
                || Math.Min(predictions[sample], 1) * (thresholds - 1) >= threshold;
            var places = Enumerable.Range(0, labels.Length);
            var right = places.Count(sample => labels[sample] && IsTaken(sample));
            var wrong = places.Count(sample => !labels[sample] && IsTaken(sample));
            var ofClass = labels.Count(label => label);
            Assert.Equal(right, curve[threshold]);
            Assert.Equal(wrong, curve[thresholds + threshold]);
            Assert.Equal(labels.Length - ofClass - wrong, curve[(2 * thresholds) + threshold]);
            Assert.Equal(ofClass - right, curve[(3 * thresholds) + threshold]);
            Assert.Equal(
                right == 0 ? 0 : (float)right / (right + wrong),
                curve[(4 * thresholds) + threshold], tolerance: 1e-6f);
            Assert.Equal(
                right == 0 ? 0 : (float)right / ofClass,
                curve[(5 * thresholds) + threshold], tolerance: 1e-6f);
        }
    }

    private static IReadOnlyList<float> Encoded(
        bool[] labels, float[] predictions, int thresholds)
    {
        var bytes = new SummaryBuilder().PrCurve("pr", labels, predictions, thresholds).ToBytes();
        var value = Assert.Single(new WireFields(bytes).Messages(1));
        Assert.Equal("pr_curves", StrictValues.KindOf(value));
        return value.Message(8).Singles(5);
    }
}
