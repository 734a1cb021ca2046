using Distributed.Cluster.Jobs;
using Distributed.Telemetry;
using Distributed.Training.Data;

namespace Distributed.Runtime.Tests.Recording;

/// <summary>A test of drawn images, and what a network might have made of them.</summary>
internal static class SampleTest
{
    /// <summary>
    /// The share of those images whose place in the test set leaves <paramref name="rest"/> when it
    /// is divided by <paramref name="shares"/>. The same image has the same result in any share.
    /// </summary>
    public static TestShare Share(
        int epoch, int rest, int shares, int total, IReadOnlyList<string> names, ImageShape shape)
    {
        var share = new TestShare(
            epoch, EndOf(epoch), total, names);
        for (int index = rest; index < total; index += shares)
        {
            var random = new Random((epoch * 1_000_003) + index);
            int label = index % names.Count;
            float[] probabilities = new float[names.Count];
            bool isWrong = random.Next(6) == 0;
            int predicted = isWrong ? (label + random.Next(3)) % names.Count : label;
            float certainty = 0.5f + (random.NextSingle() / 2);
            probabilities.AsSpan().Fill((1 - certainty) / names.Count);
            probabilities[predicted] = certainty;
            share.Add(index, label, probabilities);
            if (predicted != label)
                share.AddPicture(
                    index, Pixels(label, shape), shape.Channels, shape.Height, shape.Width);
        }

        return share;
    }

    public static RunAttachment Attachment(TestShare share) =>
        new(share.Step, AttachmentKind.Predictions, "", share.ToBytes());

    public static long EndOf(int epoch) =>
        Math.Min(epoch * RecordedRun.StepsPerEpoch, RecordedRun.StepsTotal);

    /// <summary>A disc whose size, and colour, tell the class.</summary>
    private static byte[] Pixels(int label, ImageShape shape)
    {
        byte[] pixels = new byte[shape.Length];
        int plane = shape.Height * shape.Width;
        for (int place = 0; place < pixels.Length; place++)
        {
            int y = place % plane / shape.Width, x = place % shape.Width;
            double radius = double.Hypot(x - (shape.Width / 2.0), y - (shape.Height / 2.0));
            bool isIn = radius < 3 + label;
            pixels[place] = (byte)(isIn ? 255 - (place / plane * 25 * label % 256) : 30);
        }

        return pixels;
    }
}
