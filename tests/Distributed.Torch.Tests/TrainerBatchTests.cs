using Distributed.Training.Data;

namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: a batch that the trainer gathers has the bits of the one that
/// <see cref="ImageNormalizer"/> writes, whatever was drawn for its samples.
/// </summary>
public sealed class TrainerBatchTests
{
    /// <summary>Shows its input as its logits: each is one pixel times 1, plus zeros.</summary>
    private static string Mirror(int channels, int height, int width)
    {
        var pixels = channels * height * width;
        return $"""
            input channels={channels} height={height} width={width}
            flatten
            linear name=fc in={pixels} out={pixels} bias=0
            """;
    }

    [Theory]
    [InlineData(3, 8, 6, CropPaddingMode.Zero)]
    [InlineData(3, 8, 6, CropPaddingMode.Reflect)]
    [InlineData(1, 5, 9, CropPaddingMode.Zero)]
    [InlineData(1, 1, 4, CropPaddingMode.Reflect)]
    public void PixelsHaveTheBitsOfTheNormalizers(
        int channels, int height, int width, CropPaddingMode mode)
    {
        using var bench = Identity(channels, height, width);
        var settings = new AugmentationSettings
        {
            CropPaddingPixels = 3,
            CropPaddingMode = mode,
            HorizontalFlip = FlipMode.Random,
            CutoutPixels = 3,
            TranslatePixels = 2,
        };
        var changes = Enumerable.Range(0, 32)
            .Select(i => Augmentation.Of(settings, bench.Shape, seed: 5, step: 3, shard: 1, i))
            .ToArray();
        var samples = changes.Select((change, i) => Sample(change, (i * 7) % 24, mode)).ToArray();
        var (shown, _, _) = bench.Evaluate(samples);
        var expected = new float[shown.Length];
        for (var i = 0; i < samples.Length; i++)
        {
            bench.Normalizer.Write(
                bench.Images.AsSpan(samples[i].Index * bench.Shape.Length, bench.Shape.Length),
                expected.AsSpan(i * bench.Shape.Length), changes[i], mode);
        }
        Assert.Contains(changes, change => change.Flip);
        Assert.Equal(expected, shown);
    }

    /// <summary>The second set has images and labels of its own.</summary>
    [Fact]
    public void ASetIsKeptApartFromTheOther()
    {
        const int test = 1;
        using var bench = Identity(2, 3, 3);
        var failure = Assert.Throws<TorchException>(
            () => bench.Evaluate(TrainerBench.Plain(0), test));
        Assert.Equal("the test set is not on the device; load it first", failure.Message);
        var black = new byte[2 * bench.Shape.Length];
        bench.Load(test, black, [4, 4]);
        var expected = new float[black.Length];
        bench.Normalizer.Write(black, expected);
        Assert.Equal(expected, bench.Evaluate(TrainerBench.Plain(0, 1), test).Logits);
        Assert.NotEqual(expected, bench.Evaluate(TrainerBench.Plain(0, 1)).Logits);
    }

    private static NativeMethods.NativeSample Sample(
        Augmentation change, int index, CropPaddingMode mode) => new()
        {
            Index = index,
            CropRows = change.CropRows,
            CropColumns = change.CropColumns,
            TranslateRows = change.TranslateRows,
            TranslateColumns = change.TranslateColumns,
            Flip = change.Flip ? 1 : 0,
            Reflect = mode == CropPaddingMode.Reflect ? 1 : 0,
            CutoutTop = change.CutoutTop,
            CutoutBottom = change.CutoutBottom,
            CutoutLeft = change.CutoutLeft,
            CutoutRight = change.CutoutRight,
        };

    private static TrainerBench Identity(int channels, int height, int width)
    {
        var bench = new TrainerBench(Mirror(channels, height, width), Precision.Single);
        var pixels = bench.Shape.Length;
        var weights = new double[bench.Reference.Model.ParameterLength];
        for (var i = 0; i < pixels; i++)
            weights[(i * pixels) + i] = 1;
        bench.Write(TrainerBench.Parameters, weights);
        return bench;
    }
}
