using System.Text;
using Distributed.Kernel;

namespace Distributed.Telemetry.Tests;

public sealed class EventFileTests : IDisposable
{
    private static readonly DateTimeOffset At =
        new(2026, 3, 4, 5, 6, 7, 500, TimeSpan.Zero);

    private readonly TemporaryFolder folder = new();
    private readonly ManualClock clock = new(At);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_is_written_is_read()
    {
        using (var writer = Writer(0))
        {
            writer.Scalar("loss/train", 0, 2.5, At);
            writer.Scalar("loss/test", 0, double.NaN, At);
            writer.Scalar("loss/train", 7, 0.1, At.AddSeconds(1));
            writer.Text("spec", 7, "`a: 1` – déjà vu", At);
        }
        var file = EventFileReader.Read(OnlyFile());
        Assert.Equal(0, file.StartStep);
        Assert.Equal(
            [
                new ScalarValue("loss/train", 0, 2.5f, At),
                new ScalarValue("loss/test", 0, float.NaN, At),
                new ScalarValue("loss/train", 7, 0.1f, At.AddSeconds(1)),
            ],
            file.Scalars);
        Assert.Equal([new TextValue("spec", 7, "`a: 1` – déjà vu", At)], file.Texts);
    }

    /// <summary>
    /// Byte by byte, as the format's definition has it and without this program's reader: so that
    /// a mistake common to writer and reader can not hide.
    /// </summary>
    [Fact]
    public void The_bytes_are_those_of_the_format()
    {
        using (var writer = Writer(5))
        {
            writer.Scalar("a", 300, 1, At);
        }
        var wallTime = BitConverter.GetBytes(1772600767.5);
        byte[] version =
        [
            0x09, .. wallTime, 0x1A, 13, .. "brain.Event:2"u8,
            0x52, 13, 0x0A, 11, .. "distributed"u8,
        ];
        byte[] start = [0x09, .. wallTime, 0x10, 5, 0x3A, 2, 0x08, 1];
        byte[] scalar =
        [
            0x09, .. wallTime, 0x10, 0xAC, 0x02,
            0x2A, 10, 0x0A, 8, 0x0A, 1, (byte)'a', 0x15, 0, 0, 0x80, 0x3F,
        ];
        var expected = new MemoryStream();
        foreach (var data in new[] { version, start, scalar })
        {
            var length = BitConverter.GetBytes((long)data.Length);
            expected.Write(length);
            expected.Write(BitConverter.GetBytes(EventRecord.Mask(Crc32C.Compute(length))));
            expected.Write(data);
            expected.Write(BitConverter.GetBytes(EventRecord.Mask(Crc32C.Compute(data))));
        }
        Assert.Equal(expected.ToArray(), File.ReadAllBytes(OnlyFile()));
    }

    [Fact]
    public void A_file_is_readable_as_soon_as_it_is_open()
    {
        using var writer = Writer(12);
        Assert.Equal(12, EventFileReader.Read(writer.Path).StartStep);
    }

    [Fact]
    public void Values_reach_the_disk_on_flush_and_after_two_seconds()
    {
        using var writer = Writer(0);
        writer.Scalar("a", 1, 1, At);
        Assert.Empty(EventFileReader.Read(writer.Path).Scalars);
        clock.Advance(TimeSpan.FromSeconds(2));
        writer.Scalar("a", 2, 1, At);
        Assert.Equal(2, EventFileReader.Read(writer.Path).Scalars.Count);
        writer.Scalar("a", 3, 1, At);
        writer.Flush();
        Assert.Equal(3, EventFileReader.Read(writer.Path).Scalars.Count);
    }

    [Fact]
    public void Later_files_have_later_names_even_within_a_second_or_when_the_clock_went_back()
    {
        var paths = new List<string>();
        for (var life = 0; life < 12; life++)
        {
            using var writer = Writer(life);
            paths.Add(writer.Path);
            clock.Advance(TimeSpan.FromMilliseconds(-700));
        }
        Assert.Equal(paths.Order(StringComparer.Ordinal), paths);
        Assert.StartsWith("events.out.tfevents.1772600767.", Path.GetFileName(paths[0]));
        Assert.Equal(0, EventFileReader.Read(paths[0]).StartStep);
        Assert.Equal(11, EventFileReader.Read(paths[11]).StartStep);
    }

    [Fact]
    public void A_step_that_its_tag_is_past_is_left_out()
    {
        using (var writer = Writer(null))
        {
            (string, long)[] values = [("a", 10), ("a", 10), ("b", 9), ("a", 9), ("a", 11)];
            foreach (var (tag, step) in values)
            {
                writer.Scalar(tag, step, 1, At);
            }
        }
        Assert.Equal(
            [("a", 10L), ("b", 9L), ("a", 11L)],
            EventFileReader.Read(OnlyFile()).Scalars.Select(value => (value.Tag, value.Step)));
    }

    [Fact]
    public void Every_flipped_bit_and_every_cut_is_refused()
    {
        using (var writer = Writer(0))
        {
            writer.Scalar("a", 1, 1, At);
        }
        var good = File.ReadAllBytes(OnlyFile());
        var bad = folder.File("bad");
        for (var index = 0; index < good.Length; index++)
        {
            var flipped = (byte[])good.Clone();
            flipped[index] ^= (byte)(1 << (index % 8));
            File.WriteAllBytes(bad, flipped);
            var error = Assert.Throws<OperatingException>(() => EventFileReader.Read(bad));
            Assert.StartsWith(bad, error.Message);
        }
        var whole = 0;
        for (var length = 0; length < good.Length; length++)
        {
            File.WriteAllBytes(bad, good.AsSpan(0, length));
            try
            {
                EventFileReader.Read(bad);
                whole++;
            }
            catch (OperatingException)
            {
            }
        }

        // Only the cuts right after the version and the session start leave a whole file.
        Assert.Equal(2, whole);
    }

    [Fact]
    public void Foreign_files_are_refused()
    {
        File.WriteAllBytes(folder.File("text"), Encoding.UTF8.GetBytes("hello, world, hello"));
        Assert.Throws<OperatingException>(() => EventFileReader.Read(folder.File("text")));
        using (var stream = File.Create(folder.File("noVersion")))
        {
            EventRecord.Write(stream, []);
        }
        var error = Assert.Throws<OperatingException>(
            () => EventFileReader.Read(folder.File("noVersion")));
        Assert.Contains("does not start with the version event", error.Message);
    }

    [Fact]
    public void A_folder_that_can_not_be_made_is_an_operating_error()
    {
        File.WriteAllText(folder.File("file"), "");
        var error = Assert.Throws<OperatingException>(
            () => new EventFileWriter(folder.File("file/inside"), 0, EventHistory.Empty, clock));
        Assert.Contains("can not be written", error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    private EventFileWriter Writer(long? startStep) =>
        new(folder.Path, startStep, EventHistory.Empty, clock);

    private string OnlyFile() => Assert.Single(Directory.GetFiles(folder.Path));
}
