using Distributed.Kernel;
using Distributed.Training.Data;

namespace Distributed.Process.Tests;

/// <summary>
/// An image folder of ten classes that a small network can tell apart: stripes of a direction and
/// width for each class, at a drawn place and under noise. The same files at every call.
/// </summary>
internal static class DrawnImages
{
    public const int ClassCount = 10;
    public const int TrainPerClass = 40;
    public const int TestPerClass = 10;

    private const int Side = 28;

    public static string ClassName(int label) => $"stripes{label}";

    public static void Write(string folder)
    {
        for (int label = 0; label < ClassCount; label++)
        {
            WriteClass(Path.Combine(folder, "train", ClassName(label)), label, 0, TrainPerClass);
            WriteClass(
                Path.Combine(folder, "test", ClassName(label)), label, TrainPerClass, TestPerClass);
        }
    }

    private static void WriteClass(string folder, int label, int first, int count)
    {
        Directory.CreateDirectory(folder);
        for (int index = first; index < first + count; index++)
            File.WriteAllBytes(Path.Combine(folder, $"{index:D3}.png"), Png(label, index));
    }

    private static byte[] Png(int label, int index) =>
        PngImage.Encode(Draw(label, index), new ImageShape(1, Side, Side));

    private static byte[] Draw(int label, int index)
    {
        ulong key = CounterRandom.Key(17, (ulong)label, (ulong)index);
        double angle = Math.PI * label / ClassCount;
        double waves = 2 + label % 3;
        double phase = 2 * Math.PI * CounterRandom.UnitDouble(key, 0);
        var pixels = new byte[Side * Side];
        for (int pixel = 0; pixel < pixels.Length; pixel++)
        {
            double along = (pixel % Side * Math.Cos(angle) + pixel / Side * Math.Sin(angle)) / Side;
            double stripe = Math.Sin(2 * Math.PI * waves * along + phase);
            double noise = CounterRandom.UnitDouble(key, (ulong)pixel + 1) - 0.5;
            pixels[pixel] = (byte)Math.Clamp(128 + 80 * stripe + 100 * noise, 0, 255);
        }

        return pixels;
    }
}
