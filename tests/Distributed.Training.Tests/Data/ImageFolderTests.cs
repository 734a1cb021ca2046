using Distributed.Kernel;
using Distributed.Training.Data;

namespace Distributed.Training.Tests.Data;

public sealed class ImageFolderTests : IDisposable
{
    /// <summary>16x16: red high on the left, green high on the top, blue 60.</summary>
    internal const string JpegBase64 =
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYF"
        + "BgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/2wBDAQICAgICAgUDAwUKBwYHCgoKCgoK"
        + "CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgr/wAARCAAQABADAREA"
        + "AhEBAxEB/8QAFAABAAAAAAAAAAAAAAAAAAAACP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/xAAXAQAD"
        + "AQAAAAAAAAAAAAAAAAAHCAkK/8QAFBEBAAAAAAAAAAAAAAAAAAAAAP/aAAwDAQACEQMRAD8AfCbY"
        + "qA2YBIMaxUaiAbMAkG//2Q==";

    private readonly TestFolder _folder = new();

    private string Images => _folder.At("images");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Class_folders_alone_split_nine_to_one()
    {
        Fill("a", 20);
        Fill("b", 10);
        Fill("c", 2);
        using var pair = Get();
        Assert.Equal(["a", "b", "c"], pair.ClassNames);
        Assert.Equal((18 + 9 + 1, 2 + 1 + 1), (pair.Train.Count, pair.Test.Count));
        var labels = Enumerable.Range(0, 28).Select(pair.Train.Label).ToArray();
        Assert.Equal([18, 9, 1], labels.CountBy(l => l).OrderBy(c => c.Key).Select(c => c.Value));
        // Mixed, so that the first samples are of more than one class.
        Assert.NotEqual(labels.Order(), labels);
    }

    [Fact]
    public void Train_and_test_folders_are_taken_as_they_are()
    {
        Fill("train/cat", 3);
        Fill("train/dog", 2);
        Fill("test/dog", 1, value: 99);
        using var pair = Get();
        Assert.Equal((5, 1), (pair.Train.Count, pair.Test.Count));
        Assert.Equal("dog", pair.ClassNames[pair.Test.Label(0)]);
        Assert.Equal(99, pair.Test.Image(0)[0]);
    }

    [Fact]
    public void Grey_images_make_one_channel_and_any_colour_makes_three()
    {
        Fill("a", 3);
        Fill("b", 3);
        using (var grey = Get())
        {
            Assert.Equal(new ImageShape(1, 4, 4), grey.Shape);
            Assert.Equal([10, 11, 12], grey.Train.Image(0)[..3].ToArray());
        }
        _folder.Write("images/b/colour.png", PngWriter.Write(
            4, 4, 3, [.. Enumerable.Range(0, 48).Select(value => (byte)value)]));
        using var colour = Get();
        Assert.Equal(new ImageShape(3, 4, 4), colour.Shape);
        Assert.Equal(3, colour.Mean.Count);
    }

    [Fact]
    public void Jpeg_decodes()
    {
        var path = _folder.Write("x.JPG", Convert.FromBase64String(JpegBase64));
        var planes = ImageFile.Read(path, new ImageShape(3, 16, 16));
        Assert.InRange(planes[0], 210, 230);
        Assert.InRange(planes[15], 20, 40);
        Assert.InRange(planes[256], 190, 210);
        Assert.InRange(planes[256 + 255], 30, 50);
        Assert.InRange(planes[600], 50, 70);
    }

    [Fact]
    public void Size_scales_and_crops_and_is_cached_apart()
    {
        Fill("a", 3);
        Fill("b", 3);
        using var small = Get(2);
        Assert.Equal(new ImageShape(1, 2, 2), small.Shape);
        using var first = Get();
        Assert.Equal(new ImageShape(1, 4, 4), first.Shape);
        Assert.Throws<OperatingException>(() => Get(0));
        Assert.Throws<OperatingException>(() => Get(5000));
    }

    [Fact]
    public void A_folder_that_changed_is_decoded_again()
    {
        Fill("a", 3);
        Fill("b", 3);
        Get().Dispose();
        Catalog().Load(Images).Dispose();
        Fill("b", 4);
        var error = Assert.Throws<OperatingException>(() => Catalog().Load(Images));
        Assert.Matches("has changed since; .*./distributed data get ", error.Message);
        using var pair = Get();
        Assert.Equal(7, pair.Train.Count + pair.Test.Count);
    }

    [Fact]
    public void Adding_images_moves_few_of_the_others()
    {
        Fill("a", 50);
        Fill("b", 50);
        var before = ImageFolderScan.Of(Images).Test.Select(file => file.Name).ToArray();
        Fill("a", 55);
        var after = ImageFolderScan.Of(Images).Test.Select(file => file.Name).ToArray();
        Assert.True(before.Except(after).Count() <= 2);
        Assert.Equal(10, before.Length);
    }

    [Fact]
    public void Bad_folders_are_named()
    {
        Directory.CreateDirectory(Images);
        Assert.Matches("images has 0 class folders, expected 2 or more", Refused());
        Fill("a", 3);
        Assert.Matches("images has 1 class folders", Refused());
        Directory.CreateDirectory(_folder.At("images", "b"));
        File.WriteAllText(_folder.At("images", "b", "notes.txt"), "no image");
        Assert.Matches("class folder .*images/b has no images, expected .png", Refused());
    }

    [Fact]
    public void Half_a_split_is_refused()
    {
        Fill("train/apple", 2);
        Fill("train/b", 2);
        Assert.Matches("has train/ but no test/, expected both or neither", Refused());
        Fill("test/appel", 2);
        Fill("test/b", 2);
        Assert.Matches(
            "class folder .*test/appel has no counterpart in .*did you mean 'apple'", Refused());
    }

    [Fact]
    public void One_image_a_class_is_too_few()
    {
        Fill("a", 1);
        Fill("b", 1);
        Assert.Matches("one image a class, expected two or more", Refused());
    }

    [Theory]
    [InlineData("empty.png", "neither PNG nor JPEG")]
    [InlineData("text.png", "neither PNG nor JPEG")]
    [InlineData("cut.png", "cut off before its end")]
    [InlineData("cut.jpg", "cut off before its end")]
    [InlineData("hollow.png", "")]
    public void An_unreadable_image_is_named(string name, string expected)
    {
        Fill("a", 5);
        Fill("b", 5);
        var png = PngWriter.Write(4, 4, 1, new byte[16]);
        _folder.Write("images/b/" + name, name switch
        {
            "empty.png" => [],
            "text.png" => "this is no image"u8.ToArray(),
            "cut.png" => png[..^20],
            "cut.jpg" => Convert.FromBase64String(JpegBase64)[..^50],
            _ => [.. png[..8], .. png[^12..]],
        });
        Assert.Matches(
            $"image .*images/b/{name} cannot be read .{expected}.*, expected a PNG or JPEG file; "
            + "replace or remove it", Refused());
    }

    [Fact]
    public void A_huge_first_image_needs_a_size()
    {
        _folder.Write("images/a/0.png", PngWriter.Write(1100, 2, 1, new byte[2200], filter: 0));
        Fill("a", 3);
        Fill("b", 3);
        Assert.Matches("a/0.png is 1100x2 pixels, expected at most 1024", Refused());
        Get(2).Dispose();
    }

    private void Fill(string name, int count, byte value = 10)
    {
        for (var index = 0; index < count; index++)
        {
            var pixels = Enumerable.Range(0, 16).Select(pixel => (byte)(value + pixel)).ToArray();
            _folder.Write($"images/{name}/{index:000}.png", PngWriter.Write(4, 4, 1, pixels));
        }
    }

    private string Refused()
    {
        var error = Assert.Throws<OperatingException>(() => Get());
        Assert.DoesNotContain('\n', error.Message);
        return error.Message;
    }

    private DatasetPair Get(int? size = null) =>
        Catalog().Get(Images, new DatasetOptions { ImageSize = size });

    private DatasetCatalog Catalog() =>
        new(_folder.At("cache"), new FakeCommands(), Packages.SmallRecipes);
}
