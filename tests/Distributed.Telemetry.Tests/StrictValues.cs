using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;

namespace Distributed.Telemetry.Tests;

/// <summary>Values as TensorBoard's plugins want them.</summary>
internal static class StrictValues
{
    private const int DtFloat = 1, DtString = 7;

    /// <summary>The plugin that shows the value, which is right in every part.</summary>
    public static string KindOf(WireFields value)
    {
        var tag = value.Text(1);
        Assert.NotEmpty(tag);
        Assert.DoesNotContain(tag, char.IsControl);
        int[] kinds = [.. new[] { 2, 4, 5, 8 }.Where(value.Has)];
        switch (Assert.Single(kinds))
        {
            case 2:
                Assert.False(value.Has(9));
                return "scalars";
            case 4:
                CheckPicture(value.Message(4));
                Assert.False(value.Message(9).Has(1));
                return "images";
            case 5:
                CheckHistogram(value.Message(5));
                return "histograms";
        }
        var metadata = value.Message(9);
        const int TensorClass = 2;
        Assert.Equal(TensorClass, metadata.Whole(4));
        var (plugin, content) = (metadata.Message(1).Text(1), metadata.Message(1).Bytes(2));
        var tensor = value.Message(8);
        long[] shape =
            [.. tensor.Message(2).Messages(2).Select(dimension => dimension.Whole(1))];
        Assert.True(tensor.Has(2));
        switch (plugin)
        {
            case "text":
                Assert.Equal(DtString, tensor.Whole(1));
                Assert.InRange(shape.Length, 0, 2);
                CheckTexts(tensor, shape);
                break;
            case "pr_curves":
                CheckCurve(tensor, shape, new WireFields(content));
                break;
            case "custom_scalars":
                Assert.Equal("custom_scalars__config__", tag);
                Assert.Equal(DtString, tensor.Whole(1));
                Assert.Empty(shape);
                CheckLayout(new WireFields(Assert.Single(tensor.All(8))));
                break;
            case "hparams":
                Assert.StartsWith("_hparams_/", tag, StringComparison.Ordinal);
                break;
            default:
                Assert.Fail($"{tag} is of the plugin {plugin}");
                break;
        }
        return plugin;
    }

    /// <summary>The PNG is whole, and of the size and colours that are named beside it.</summary>
    private static void CheckPicture(WireFields picture)
    {
        var (height, width, channels) =
            ((int)picture.Whole(1), (int)picture.Whole(2), (int)picture.Whole(3));
        var file = picture.Bytes(4);
        Assert.Equal([0x89, .. "PNG\r\n\x1a\n"u8], file[..8]);
        using var packed = new MemoryStream();
        var place = 8;
        var kind = "";
        while (kind != "IEND")
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(place));
            kind = Encoding.ASCII.GetString(file, place + 4, 4);
            var content = file.AsSpan(place + 8, length);
            if (kind == "IHDR")
            {
                Assert.Equal(width, BinaryPrimitives.ReadInt32BigEndian(content));
                Assert.Equal(height, BinaryPrimitives.ReadInt32BigEndian(content[4..]));
                Assert.Equal(8, content[8]);
                Assert.Equal(channels switch { 1 => 0, 3 => 2, _ => -1 }, content[9]);
            }
            else if (kind == "IDAT")
            {
                packed.Write(content);
            }
            place += length + 12;
        }
        Assert.Equal(file.Length, place);
        packed.Position = 0;
        using var rows = new MemoryStream();
        using var unpacked = new ZLibStream(packed, CompressionMode.Decompress);
        unpacked.CopyTo(rows);
        Assert.Equal(((width * channels) + 1) * height, rows.Length);
    }

    private static void CheckHistogram(WireFields histogram)
    {
        var (limits, counts) = (histogram.Doubles(6), histogram.Doubles(7));
        Assert.Equal(limits.Count, counts.Count);
        Assert.NotEmpty(limits);
        Assert.True(limits.Zip(limits.Skip(1)).All(pair => pair.First < pair.Second));
        Assert.All(counts, count => Assert.True(count >= 0 && count == Math.Floor(count)));
        Assert.Equal(histogram.Double(3), counts.Sum());
        Assert.True(histogram.Double(1) <= histogram.Double(2));
        Assert.True(histogram.Double(3) == 0 || histogram.Double(2) <= limits[^1]);
    }

    private static void CheckTexts(WireFields tensor, long[] shape)
    {
        var strict = new UTF8Encoding(false, throwOnInvalidBytes: true);
        Assert.Equal(shape.Aggregate(1L, (product, size) => product * size), tensor.All(8).Count);
        Assert.All(tensor.All(8), text => strict.GetString(text));
    }

    /// <summary>With a higher threshold fewer are taken for the class, right or wrong.</summary>
    private static void CheckCurve(WireFields tensor, long[] shape, WireFields content)
    {
        Assert.Equal(DtFloat, tensor.Whole(1));
        var thresholds = (int)content.Whole(2);
        Assert.Equal(0, content.Whole(1));
        Assert.Equal([6, thresholds], shape);
        var numbers = tensor.Singles(5);
        Assert.Equal(6 * thresholds, numbers.Count);
        float At(int row, int threshold) => numbers[(row * thresholds) + threshold];
        for (var threshold = 0; threshold < thresholds; threshold++)
        {
            Assert.Equal(At(0, 0) + At(3, 0), At(0, threshold) + At(3, threshold));
            Assert.Equal(At(1, 0) + At(2, 0), At(1, threshold) + At(2, threshold));
            Assert.InRange(At(4, threshold), 0, 1);
            Assert.InRange(At(5, threshold), 0, 1);
            if (threshold > 0)
            {
                Assert.True(At(0, threshold) <= At(0, threshold - 1));
                Assert.True(At(1, threshold) <= At(1, threshold - 1));
                Assert.True(At(5, threshold) <= At(5, threshold - 1));
            }
        }
    }

    private static void CheckLayout(WireFields layout)
    {
        Assert.Equal(0, layout.Whole(1));
        Assert.NotEmpty(layout.Messages(2));
        foreach (var category in layout.Messages(2))
        {
            Assert.NotEmpty(category.Text(1));
            Assert.NotEmpty(category.Messages(2));
            foreach (var chart in category.Messages(2))
            {
                Assert.NotEmpty(chart.Text(1));
                Assert.NotEmpty(chart.Message(2).Texts(1));
                Assert.All(chart.Message(2).Texts(1), pattern => _ = new Regex(pattern));
            }
        }
    }
}
