using Distributed.Kernel;
using Distributed.Training.Data;

namespace Distributed.Cli.Bench.Step;

/// <summary>
/// Images of ten classes that a network can learn to tell apart: stripes of a direction and width
/// for each class, at a drawn place and under noise. A folder of PNG files for this program, and
/// the same pixels in one file for the peers.
/// </summary>
internal sealed class DrawnDataset
{
    public const int ClassCount = 10;
    public const int TrainCountDefault = 4000;

    private const int TestPerClassDefault = 2;
    private const int PaintTones = 3;

    private readonly ImageShape _shape;

    private DrawnDataset(ImageShape shape, string folder, int trainCount)
    {
        _shape = shape;
        Folder = folder;
        TrainCount = trainCount;
    }

    public int TrainCount { get; }

    /// <summary>For `train --dataset`.</summary>
    public string Folder { get; }

    public string ImagesFile => $"{Folder}-images";

    public string LabelsFile => $"{Folder}-labels";

    public static DrawnDataset Write(
        ImageShape shape, string folder, int testPerClass = TestPerClassDefault,
        int trainCount = TrainCountDefault)
    {
        var dataset = new DrawnDataset(shape, folder, trainCount);
        using FileStream images = File.Create(dataset.ImagesFile);
        using FileStream labels = File.Create(dataset.LabelsFile);
        for (int index = 0; index < trainCount; index++)
        {
            byte[] pixels = dataset.Draw(index);
            dataset.WritePng("train", index, pixels);
            images.Write(pixels);
            labels.WriteByte((byte)(index % ClassCount));
        }

        for (int index = trainCount; index < trainCount + ClassCount * testPerClass; index++)
            dataset.WritePng("test", index, dataset.Draw(index));
        return dataset;
    }

    /// <summary>One plane after the other; the class is the index modulo their number.</summary>
    private byte[] Draw(int index)
    {
        int label = index % ClassCount;
        ulong key = CounterRandom.Key(17, (ulong)index);
        double angle = Math.PI * label / ClassCount;
        double waves = 2 + label % PaintTones;
        double phase = 2 * Math.PI * CounterRandom.UnitDouble(key, 0);
        var pixels = new byte[_shape.Length];
        for (int at = 0; at < pixels.Length; at++)
        {
            int pixel = at % (_shape.Height * _shape.Width);
            double x = (double)(pixel % _shape.Width) / _shape.Width;
            double y = (double)(pixel / _shape.Width) / _shape.Width;
            double along = x * Math.Cos(angle) + y * Math.Sin(angle);
            double stripe = Math.Sin(2 * Math.PI * waves * along + phase);
            double noise = CounterRandom.UnitDouble(key, (ulong)at + 1) - 0.5;
            pixels[at] = (byte)Math.Clamp(128 + 60 * stripe + 140 * noise, 0, 255);
        }

        return pixels;
    }

    private void WritePng(string split, int index, byte[] pixels)
    {
        string folder = Path.Combine(Folder, split, $"class{index % ClassCount}");
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(
            Path.Combine(folder, $"{index:D6}.png"), PngImage.Encode(pixels, _shape));
    }
}
