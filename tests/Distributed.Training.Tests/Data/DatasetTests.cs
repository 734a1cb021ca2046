using Distributed.Kernel;
using Distributed.Training.Data;

namespace Distributed.Training.Tests.Data;

public sealed class DatasetTests
{
    private const string Mend = "run: mend it";
    private static readonly ImageShape Shape = new(1, 28, 28);
    private static readonly string[] Classes = ["a", "b", "c"];

    [Fact]
    public void Images_are_the_file_s_own_bytes()
    {
        using var folder = new TestFolder();
        using var dataset = Open(folder, Packages.Images(3), Packages.Labels(2, 0, 1), 3);
        Assert.Equal(3, dataset.Count);
        Assert.Equal([2, 0, 1], Enumerable.Range(0, 3).Select(dataset.Label));
        Assert.Equal(784, dataset.Image(1).Length);
        Assert.Equal(unchecked((byte)(784 * 7)), dataset.Image(1)[0]);
        Assert.Equal(unchecked((byte)(((3 * 784) - 1) * 7)), dataset.Image(2)[783]);
    }

    [Fact]
    public void Colour_images_are_channel_after_channel()
    {
        using var folder = new TestFolder();
        var bytes = Enumerable.Range(0, 24).Select(index => (byte)index).ToArray();
        var images = folder.Write("i", Packages.Idx(IdxHeader.UnsignedByte, [2, 3, 2, 2], bytes));
        var labels = folder.Write("l", Packages.Labels(0, 1));
        using var dataset = Dataset.Open(
            "d", DatasetSplit.Test, new ImageShape(3, 2, 2), Classes, images, labels, 2, Mend);
        Assert.Equal(bytes[12..], dataset.Image(1).ToArray());
    }

    [Fact]
    public void Labels_of_more_than_256_classes_are_whole_numbers()
    {
        using var folder = new TestFolder();
        IdxWriter.WriteLabels(folder.At("l"), [0, 999, 256], 1000);
        Assert.Equal([0, 999, 256], Dataset.ReadLabels(folder.At("l"), Mend));
    }

    [Fact]
    public void A_bad_index_is_refused()
    {
        using var folder = new TestFolder();
        using var dataset = Open(folder, Packages.Images(3), Packages.Labels(2, 0, 1), 3);
        Assert.Throws<ArgumentOutOfRangeException>(() => dataset.Image(-1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => dataset.Image(3).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => dataset.Take(2).Label(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => dataset.Take(0));
    }

    [Fact]
    public void A_disposed_dataset_is_never_read()
    {
        using var folder = new TestFolder();
        var dataset = Open(folder, Packages.Images(3), Packages.Labels(2, 0, 1), 3);
        dataset.Dispose();
        dataset.Dispose();
        Assert.Throws<ObjectDisposedException>(() => dataset.Image(0).Length);
    }

    [Fact]
    public void Take_cuts_to_the_first_samples()
    {
        using var folder = new TestFolder();
        using var dataset = Open(folder, Packages.Images(3), Packages.Labels(2, 0, 1), 3);
        Assert.Equal(2, dataset.Take(2).Count);
        Assert.Equal(3, dataset.Take(100).Count);
        Assert.Equal(dataset.Image(1).ToArray(), dataset.Take(2).Image(1).ToArray());
    }

    [Fact]
    public void Memory_serves_as_well_as_a_file()
    {
        using var dataset = Dataset.FromMemory(
            "d", DatasetSplit.Train, new ImageShape(1, 1, 2), Classes, [1, 2, 3, 4], [2, 1]);
        Assert.Equal([3, 4], dataset.Image(1).ToArray());
        Assert.Throws<OperatingException>(() => Dataset.FromMemory(
            "d", DatasetSplit.Train, new ImageShape(1, 1, 2), Classes, [1, 2], [3]));
    }

    [Fact]
    public void A_truncated_file_is_named_with_both_sizes()
    {
        var error = Refused(Packages.Images(3)[..^1], Packages.Labels(0, 1, 2));
        Assert.Matches("images.idx is truncated: 2367 bytes, expected 2368 for 3x28x28", error);
        error = Refused(Packages.Images(3), Packages.Labels(0, 1, 2)[..^1]);
        Assert.Matches("labels.idx is truncated: 10 bytes, expected 11", error);
        Assert.Matches("images.idx is truncated: 0 bytes", Refused([], Packages.Labels(0, 1, 2)));
        Assert.Matches(
            "images.idx is truncated: 9 bytes",
            Refused(Packages.Images(3)[..9], Packages.Labels(0, 1, 2)));
    }

    [Fact]
    public void A_file_that_is_too_long_is_named_with_both_sizes() => Assert.Matches(
        "images.idx is too long: 2369 bytes, expected 2368",
        Refused([.. Packages.Images(3), 0], Packages.Labels(0, 1, 2)));

    [Fact]
    public void A_wrong_magic_is_named_with_what_was_expected()
    {
        var gzip = Packages.Gzip(Packages.Images(3));
        Assert.Matches(
            "images.idx has magic 0x1F8B0800, expected an IDX file",
            Refused(gzip, Packages.Labels(0, 1, 2)));
        Assert.Matches(
            "images.idx has magic 0x00000801 and dimensions 3, expected 0x00000803 and 3x28x28",
            Refused(Packages.Labels(0, 1, 2), Packages.Labels(0, 1, 2)));
        Assert.Matches(
            "labels.idx has magic 0x00000803, expected labels",
            Refused(Packages.Images(3), Packages.Images(3)));
    }

    [Fact]
    public void Impossible_dimensions_are_refused()
    {
        var header = new IdxHeader(IdxHeader.UnsignedByte, [int.MaxValue, int.MaxValue, -1]);
        Assert.Matches(
            "images.idx has impossible dimensions",
            Refused(header.ToBytes(), Packages.Labels(0, 1, 2)));
    }

    [Fact]
    public void Another_number_of_samples_is_refused()
    {
        Assert.Matches(
            "labels.idx has 2 labels, expected 3",
            Refused(Packages.Images(3), Packages.Labels(0, 1)));
        Assert.Matches(
            "dimensions 2x28x28, expected 0x00000803 and 3x28x28",
            Refused(Packages.Images(2), Packages.Labels(0, 1, 2)));
    }

    [Fact]
    public void A_label_out_of_range_is_named_with_its_sample() => Assert.Matches(
        "labels.idx has label 3 at sample 1, expected 0 to 2",
        Refused(Packages.Images(3), Packages.Labels(0, 3, 2)));

    [Fact]
    public void A_missing_file_is_named()
    {
        using var folder = new TestFolder();
        folder.Write("labels.idx", Packages.Labels(0));
        var error = Assert.Throws<OperatingException>(() => Dataset.Open(
            "d", DatasetSplit.Train, Shape, Classes, folder.At("images.idx"),
            folder.At("labels.idx"), 1, Mend));
        Assert.Equal($"{folder.At("images.idx")} is missing; {Mend}", error.Message);
    }

    private static string Refused(byte[] images, byte[] labels)
    {
        using var folder = new TestFolder();
        var error = Assert.Throws<OperatingException>(() => Open(folder, images, labels, 3));
        Assert.EndsWith(Mend, error.Message);
        Assert.DoesNotContain('\n', error.Message);
        return error.Message;
    }

    private static Dataset Open(TestFolder folder, byte[] images, byte[] labels, int count) =>
        Dataset.Open(
            "d", DatasetSplit.Train, Shape, Classes, folder.Write("images.idx", images),
            folder.Write("labels.idx", labels), count, Mend);
}
