using Distributed.Runtime.Recording;
using Distributed.Telemetry;
using Distributed.Telemetry.Tests;
using Distributed.Training.Data;

namespace Distributed.Runtime.Tests.Recording;

/// <summary>Pictures of a test are whole whatever its classes and images are.</summary>
public sealed class PictureTests
{
    /// <summary>
    /// With <c>PICTURES</c> set to a folder they are written there, to be looked at.
    /// </summary>
    [Theory]
    [InlineData(1, 1, 28, 28)]
    [InlineData(2, 3, 5, 7)]
    [InlineData(10, 1, 28, 28)]
    [InlineData(10, 3, 32, 32)]
    [InlineData(100, 3, 200, 250)]
    [InlineData(1024, 1, 8, 8)]
    public void They_are_drawn(int classes, int channels, int height, int width)
    {
        string[] words =
        [
            "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "→é",
        ];
        string[] names =
        [
            .. Enumerable.Range(0, classes).Select(
                place => place < words.Length ? words[place] : $"a class of number {place}/x"),
        ];
        TestShare share = SampleTest.Share(
            1, 0, 1, Math.Max(300, classes), names, new ImageShape(channels, height, width));
        var outcome = new TestOutcome(share);
        outcome.Add(TestShare.TryParse(share.ToBytes())!);
        byte[] summary = TestSummary.Of(outcome).ToBytes();
        Assert.Empty(AttachedSummary.Parse(summary, _ => false).Refused);
        foreach (WireFields value in new WireFields(summary).Messages(1))
        {
            string kind = StrictValues.KindOf(value);
            if (kind == "images"
                && Environment.GetEnvironmentVariable("PICTURES") is { Length: > 0 } place)
            {
                File.WriteAllBytes(
                    Path.Combine(
                        place, $"{value.Text(1).Replace('/', '-')}-{classes}-{channels}.png"),
                    value.Message(4).Bytes(4));
            }
        }
    }
}
