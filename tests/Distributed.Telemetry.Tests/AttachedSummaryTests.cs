using Distributed.Telemetry.Wire;
using FsCheck.Xunit;
using Google.Protobuf;

namespace Distributed.Telemetry.Tests;

/// <summary>
/// A summary comes from another process: what is as the builder makes it passes, anything else is
/// left out and told, and nothing throws.
/// </summary>
public sealed class AttachedSummaryTests : IDisposable
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch.AddDays(20_000);

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_the_builder_makes_is_taken_and_shown()
    {
        using (var writer = Open())
        {
            for (var step = 1; step <= 3; step++)
            {
                var attached = Parse(Everything().ToBytes());
                Assert.Empty(attached.Refused);
                Assert.Null(writer.Attach(attached, step, Start));
            }
        }
        var shown = StrictEvents.ReadRun(folder.Path);
        Assert.Equal(
            ["curve", "filters", "loss", "notes", "table", "weights"], shown.Keys);
        Assert.All(shown.Values, values => Assert.Equal([1L, 2, 3], values.Select(v => v.Step)));
    }

    [Fact]
    public void The_same_again_and_what_is_older_is_dropped()
    {
        using (var writer = Open())
        {
            foreach (var step in new[] { 2, 2, 1, 3, 3 })
            {
                writer.Attach(Parse(Everything().ToBytes()), step, Start);
            }
        }
        Assert.All(
            StrictEvents.ReadRun(folder.Path).Values,
            values => Assert.Equal([2L, 3], values.Select(value => value.Step)));
    }

    [Fact]
    public void A_successor_goes_on_where_the_file_is_torn()
    {
        using (var writer = Open())
        {
            for (var step = 1; step <= 3; step++)
            {
                writer.Attach(Parse(Everything().ToBytes()), step, Start);
            }
        }
        var path = Directory.GetFiles(folder.Path).Single();
        var whole = File.ReadAllBytes(path);
        for (var length = whole.Length; length >= 0; length -= 29)
        {
            foreach (var later in Directory.GetFiles(folder.Path))
            {
                File.Delete(later);
            }
            File.WriteAllBytes(path, whole[..length]);
            using (var writer = Open())
            {
                for (var step = 1; step <= 4; step++)
                {
                    writer.Attach(Parse(Everything().ToBytes()), step, Start);
                }
            }
            Assert.All(
                StrictEvents.ReadRun(folder.Path).Values,
                values => Assert.Equal([1L, 2, 3, 4], values.Select(value => value.Step)));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("a/")]
    [InlineData("/a")]
    [InlineData("a//b")]
    [InlineData("a\nb")]
    [InlineData("a\0")]
    [InlineData("_hparams_/experiment")]
    [InlineData("custom_scalars__config__")]
    [InlineData("__run_graph__")]
    [InlineData("mine")]
    public void Odd_tags_are_left_out_and_the_rest_is_taken(string tag)
    {
        var summary = new SummaryBuilder().Scalar(tag, 1).Scalar("good", 2);
        var attached = AttachedSummary.Parse(summary.ToBytes(), name => name == "mine");
        Assert.Single(attached.Refused);
        Assert.Equal("good", Assert.Single(attached.Values).Tag);
    }

    [Fact]
    public void What_no_plugin_would_show_is_left_out()
    {
        var bad = new Action<Summary.Types.Value>[]
        {
            value => value.ClearValue(),
            value => value.Image.Width++,
            value => value.Image.Colorspace = 3,
            value => value.Image.EncodedImageString = ByteString.CopyFromUtf8("no"),
            value => value.Histo.Num++,
            value => value.Histo.Bucket.Add(0),
            value => value.Histo.BucketLimit[0] = double.NaN,
            value => value.Histo.BucketLimit[0] = double.MaxValue,
            value => value.Histo.Max = double.NegativeInfinity,
            value => value.Metadata.PluginData.PluginName = "hparams",
            value => value.Metadata.PluginData.Content = ByteString.CopyFrom(8, 1),
            value => value.Tensor.TensorShape.Dim[0].Size = long.MaxValue,
            value => value.Tensor.StringVal[0] = ByteString.CopyFrom(0xFF),
            value => value.Tensor.FloatVal[0] = float.NaN,
            value => value.Tensor.FloatVal.Add(0),
            value => value.Metadata.DataClass = DataClass.Scalar,
            value => value.Metadata.DisplayName = "other",
        };
        foreach (var spoil in bad)
        {
            var spoilt = 0;
            foreach (var value in Everything().Values)
            {
                var copy = value.Clone();
                try
                {
                    spoil(copy);
                }
                catch (Exception unfit) when (unfit
                    is NullReferenceException or ArgumentOutOfRangeException)
                {
                    continue;
                }
                if (copy.Equals(value))
                {
                    continue;
                }
                spoilt++;
                var attached = Parse(new Summary { Value = { copy } }.ToByteArray());
                Assert.True(attached.Values.Count == 0, $"{copy} was taken");
                Assert.Single(attached.Refused);
            }
            Assert.NotEqual(0, spoilt);
        }
    }

    [Property(MaxTest = 300)]
    public void Bytes_that_have_suffered_are_refused_or_can_be_shown(int seed)
    {
        var random = new Random(seed);
        var bytes = Everything().ToBytes();
        for (var change = random.Next(1, 6); change > 0; change--)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        }
        using var place = new TemporaryFolder();
        using (var writer = new EventFileWriter(
            place.Path, 1, EventHistory.Empty, new ManualClock(Start)))
        {
            writer.Attach(Parse(bytes.AsMemory(0, random.Next(bytes.Length + 1))), 1, Start);
        }
        // A picture may be broken inside; its header is not.
        Assert.NotEmpty(EventFileReader.Read(Directory.GetFiles(place.Path).Single()).ToString());
    }

    [Fact]
    public void Too_much_is_refused_as_a_whole()
    {
        var many = new SummaryBuilder();
        for (var value = 0; value <= AttachedSummary.ValuesMax; value++)
        {
            many.Scalar($"tag{value}", 1);
        }
        Assert.Empty(Parse(many.ToBytes()).Values);
        Assert.Single(Parse(new byte[AttachedSummary.BytesMax + 1]).Refused);
    }

    [Fact]
    public void A_graph_is_shown_once_and_none_that_TensorBoard_would_refuse()
    {
        var bytes = new GraphBuilder().Node("a", "Placeholder", [], [-1, 3])
            .Node("b/c", "Relu", ["a"], [-1, 3], ("rate", 0.5), ("sizes", new[] { 1, 2 }))
            .ToBytes();
        var graph = AttachedGraph.Parse(bytes).Graph!;
        for (var life = 0; life < 3; life++)
        {
            using var writer = Open();
            Assert.Null(writer.Graph(graph, Start));
            Assert.Null(writer.Graph(graph, Start));
        }
        StrictEvents.ReadRun(folder.Path);
        Assert.NotNull(AttachedGraph.Parse(new byte[] { 1, 2, 3 }).Problem);
        Assert.NotNull(AttachedGraph.Parse(Array.Empty<byte>()).Problem);
        // The second node's input is renamed to one that is not there.
        var place = bytes.AsSpan().IndexOf("Relu"u8) + 6;
        Assert.Equal((byte)'a', bytes[place]);
        bytes[place] = (byte)'x';
        Assert.NotNull(AttachedGraph.Parse(bytes).Problem);
    }

    /// <summary>A picture that finds no room leaves the room to the figures after it.</summary>
    [Fact]
    public void A_full_disk_costs_what_does_not_fit_and_nothing_else()
    {
        var large = AttachedSummary.Of(
            new SummaryBuilder().Text("large", new string('x', 2000)));
        var graph = AttachedGraph.Parse(new GraphBuilder()
            .Node(new string('n', 2000), "Placeholder", [], [1]).ToBytes()).Graph!;
        using (var writer = new EventFileWriter(
            folder.Path, 1, EventHistory.Empty, new ManualClock(Start),
            path => new FullDisk(path, bytesMax: 1000)))
        {
            writer.Scalar("loss", 1, 1, Start);
            Assert.NotNull(writer.Attach(large, 1, Start));
            Assert.NotNull(writer.Graph(graph, Start));
            writer.Scalar("loss", 2, 2, Start);
            var small = AttachedSummary.Of(new SummaryBuilder().Scalar("small", 1));
            Assert.Null(writer.Attach(small, 2, Start));
            writer.Scalar("loss", 3, 3, Start);
        }
        var shown = StrictEvents.ReadRun(folder.Path);
        Assert.Equal(["loss", "small"], shown.Keys);
        Assert.Equal([1L, 2, 3], shown["loss"].Select(value => value.Step));
    }

    /// <summary>A file that takes so many bytes, and of a write that does not fit a part.</summary>
    private sealed class FullDisk(string path, int bytesMax) : FileStream(
        path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0)
    {
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            var room = (int)(bytesMax - Position);
            base.Write(buffer[..Math.Min(room, buffer.Length)]);
            if (buffer.Length > room)
            {
                throw new IOException("no space left on the device");
            }
        }
    }

    private static SummaryBuilder Everything() => new SummaryBuilder()
        .Scalar("loss", 0.5)
        .Image("filters", 3, 2, 1, TinyPng.Grey(3, 2), "First layer")
        .Histogram("weights", HistogramCounts.Of([1, 2, -3, 0, 0, 1e30f]))
        .Text("notes", "**bold** → é")
        .TextTable("table", new[,] { { "a", "b" }, { "1", "2" }, { "3", "4" } })
        .PrCurve("curve", [true, false, true], [0.9f, 0.2f, 0.4f], 5);

    private static AttachedSummary Parse(ReadOnlyMemory<byte> bytes) =>
        AttachedSummary.Parse(bytes, _ => false);

    private EventFileWriter Open()
    {
        var earlier = EventHistory.TakeOver(folder.Path);
        return new EventFileWriter(
            folder.Path, earlier.IsEmpty ? 1 : null, earlier, new ManualClock(Start));
    }
}
