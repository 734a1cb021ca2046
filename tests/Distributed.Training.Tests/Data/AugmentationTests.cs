using Distributed.Kernel;
using Distributed.Training.Data;
using FsCheck;
using FsCheck.Xunit;

namespace Distributed.Training.Tests.Data;

public sealed class AugmentationTests
{
    private static readonly ImageShape Shape = new(2, 5, 7);

    private static readonly AugmentationSettings All = new()
    {
        CropPaddingPixels = 4,
        CropPaddingMode = CropPaddingMode.Reflect,
        HorizontalFlip = FlipMode.Random,
        CutoutPixels = 3,
        TranslatePixels = 2,
    };

    // Golden values: they are part of every run's bits.
    [Fact]
    public void Draws_never_change()
    {
        var drawn = Augmentation.Of(All, new ImageShape(3, 32, 32), 1, 100, 3, 5);
        Assert.Equal(GoldenDraw, drawn);

        var checksum = 0UL;
        for (var index = 0; index < 1000; index++)
        {
            var draw = Augmentation.Of(All, new ImageShape(3, 32, 32), 2, index, 1, 63);
            int[] values =
            [
                draw.CropRows, draw.CropColumns, draw.TranslateRows, draw.TranslateColumns,
                draw.Flip ? 1 : 0, draw.CutoutTop, draw.CutoutBottom, draw.CutoutLeft,
                draw.CutoutRight,
            ];
            checksum = values.Aggregate(
                checksum, (sum, value) => CounterRandom.Mix(sum ^ unchecked((ulong)value)));
        }
        Assert.Equal(GoldenChecksum, checksum);
    }

    [Fact]
    public void Every_shift_comes_about_equally_often()
    {
        var settings = new AugmentationSettings
        {
            CropPaddingPixels = 2,
            HorizontalFlip = FlipMode.Random,
        };
        var rows = new int[5];
        var flips = 0;
        for (var index = 0; index < 10_000; index++)
        {
            var draw = Augmentation.Of(settings, Shape, 1, 0, 0, index);
            rows[draw.CropRows + 2]++;
            flips += draw.Flip ? 1 : 0;
        }
        Assert.All(rows, count => Assert.InRange(count, 1850, 2150));
        Assert.InRange(flips, 4850, 5150);
    }

    [Fact]
    public void Alternating_flips_show_every_image_both_ways_in_two_epochs()
    {
        bool[] first = [.. Samples().Select(sample => Augmentation.AlternatingFlip(7, 0, sample))];
        Assert.InRange(first.Count(flip => flip), 4850, 5150);
        for (var epoch = 1; epoch < 4; epoch++)
        {
            var isOther = epoch % 2 == 1;
            Assert.Equal(
                first.Select(flip => flip != isOther),
                Samples().Select(sample => Augmentation.AlternatingFlip(7, epoch, sample)));
        }
        Assert.NotEqual(
            first, [.. Samples().Select(sample => Augmentation.AlternatingFlip(8, 0, sample))]);

        static IEnumerable<long> Samples() =>
            Enumerable.Range(0, 10_000).Select(sample => (long)sample);
    }

    [Fact]
    public void Switching_one_change_off_leaves_the_others_as_they_were()
    {
        var whole = Augmentation.Of(All, Shape, 1, 2, 3, 4);
        var less = Augmentation.Of(All with { CropPaddingPixels = 0 }, Shape, 1, 2, 3, 4);
        Assert.Equal(whole with { CropRows = 0, CropColumns = 0 }, less);
    }

    [Property(MaxTest = 300)]
    public bool Writes_what_padding_and_cropping_by_hand_would(
        ulong seed, ushort step, byte index, byte crop, byte translate, byte cutout, bool reflect)
    {
        var settings = new AugmentationSettings
        {
            CropPaddingPixels = crop % 5,
            CropPaddingMode = reflect ? CropPaddingMode.Reflect : CropPaddingMode.Zero,
            HorizontalFlip = step % 2 == 0 ? FlipMode.Random : FlipMode.Off,
            CutoutPixels = cutout % 8,
            TranslatePixels = translate % 5,
        };
        var draw = Augmentation.Of(settings, Shape, seed, step, 1, index);
        var image = Enumerable.Range(1, Shape.Length).Select(value => (byte)(3 * value)).ToArray();
        var output = new float[Shape.Length];
        var normalizer = new ImageNormalizer(Shape, [0.25, 0.5], [0.5, 0.25]);
        normalizer.Write(image, output, draw, settings.CropPaddingMode);
        return output.SequenceEqual(ByHand(image, draw, settings));
    }

    [Theory]
    [InlineData(-1, 0, 0, "crop padding is -1 pixels, expected 0 to 4")]
    [InlineData(5, 0, 0, "crop padding is 5 pixels, expected 0 to 4")]
    [InlineData(0, 5, 0, "translation is 5 pixels, expected 0 to 4")]
    [InlineData(0, 0, 8, "cutout is 8 pixels, expected 0 to 7")]
    [InlineData(4, 4, 7, null)]
    public void Settings_that_do_not_fit_are_named(
        int crop, int translate, int cutout, string? expected)
    {
        var settings = new AugmentationSettings
        {
            CropPaddingPixels = crop,
            TranslatePixels = translate,
            CutoutPixels = cutout,
        };
        var problem = settings.ProblemFor(Shape);
        Assert.Equal(expected is null, problem is null);
        Assert.StartsWith(expected ?? "", problem ?? "");
    }

    /// <summary>The same, one change after another on whole images.</summary>
    private static float[] ByHand(byte[] image, Augmentation draw, AugmentationSettings settings)
    {
        var output = new float[Shape.Length];
        for (var channel = 0; channel < Shape.Channels; channel++)
        {
            int Source(int y, int x) => image[(((channel * Shape.Height) + y) * Shape.Width) + x];
            int Padded(int y, int x) => settings.CropPaddingMode == CropPaddingMode.Reflect
                ? Source(Mirror(y, Shape.Height), Mirror(x, Shape.Width))
                : IsInside(y, x) ? Source(y, x) : 0;
            int Cropped(int y, int x) => Padded(y + draw.CropRows, x + draw.CropColumns);
            int Translated(int y, int x) =>
                IsInside(y + draw.TranslateRows, x + draw.TranslateColumns)
                    ? Cropped(y + draw.TranslateRows, x + draw.TranslateColumns) : 0;
            for (var y = 0; y < Shape.Height; y++)
            {
                for (var x = 0; x < Shape.Width; x++)
                {
                    var value = Translated(y, draw.Flip ? Shape.Width - 1 - x : x);
                    var isCut = y >= draw.CutoutTop && y < draw.CutoutBottom
                        && x >= draw.CutoutLeft && x < draw.CutoutRight;
                    output[(((channel * Shape.Height) + y) * Shape.Width) + x] = isCut
                        ? 0
                        : ((value / 255f) - (channel == 0 ? 0.25f : 0.5f))
                            / (channel == 0 ? 0.5f : 0.25f);
                }
            }
        }
        return output;
    }

    private static bool IsInside(int y, int x) =>
        y >= 0 && y < Shape.Height && x >= 0 && x < Shape.Width;

    private static int Mirror(int index, int length) =>
        index < 0 ? -index : index >= length ? (2 * length) - 2 - index : index;

    private static readonly Augmentation GoldenDraw =
        new(-3, 3, -2, 0, Flip: true, 6, 9, 25, 28);

    private const ulong GoldenChecksum = 12275228965912613812;
}
