using Distributed.Training.Data;

namespace Distributed.Training.Tests.Data;

public sealed class ImageScalerTests
{
    [Fact]
    public void The_same_size_is_the_same_image()
    {
        var image = Image(5, 4, (x, y) => (10 * x) + y);
        Assert.Equal(image.Pixels, ImageScaler.Cover(image, 4, 5).Pixels);
    }

    [Theory]
    [InlineData(7, 5, 3, 9)]
    [InlineData(3, 3, 8, 8)]
    [InlineData(100, 80, 28, 28)]
    [InlineData(1, 1, 4, 4)]
    public void One_colour_stays_that_colour(int width, int height, int toHeight, int toWidth)
    {
        var scaled = ImageScaler.Cover(Image(width, height, (_, _) => 200), toHeight, toWidth);
        Assert.Equal((toWidth, toHeight), (scaled.Width, scaled.Height));
        Assert.All(scaled.Pixels, value => Assert.Equal(200, value));
    }

    [Fact]
    public void A_wide_image_is_cropped_to_its_middle()
    {
        // White in the middle square, black left and right of it.
        var image = Image(40, 10, (x, _) => x is >= 10 and < 30 ? 255 : 0);
        Assert.All(ImageScaler.Cover(image, 5, 5).Pixels, value => Assert.Equal(255, value));
    }

    // Half the size of stripes one pixel wide: all stripes count, so the result is grey. A filter
    // that only looked at the nearest pixels would give black or white.
    [Fact]
    public void Nothing_is_skipped_on_the_way_down()
    {
        var image = Image(64, 64, (x, _) => x % 2 * 255);
        Assert.All(
            ImageScaler.Cover(image, 8, 8).Pixels, value => Assert.InRange(value, 110, 145));
    }

    [Fact]
    public void Brightness_is_weighted_as_pillow_does()
    {
        var image = new DecodedImage(2, 1, [255, 0, 0, 10, 200, 30]);
        var grey = new byte[2];
        image.WritePlanes(1, grey);
        Assert.Equal([76, 124], grey);
        Assert.False(image.IsGrey);
    }

    private static DecodedImage Image(int width, int height, Func<int, int, int> value) => new(
        width, height,
        [.. Enumerable.Range(0, width * height).SelectMany(pixel => Enumerable.Repeat(
            (byte)value(pixel % width, pixel / width), 3))]);
}
