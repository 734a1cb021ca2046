using System.Text;
using System.Text.Json;
using Distributed.Kernel;

namespace Distributed.Telemetry.Tests;

public sealed class MetricsFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private string FilePath => folder.File("metrics.jsonl");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Fields_are_written_as_one_line_of_JSON()
    {
        using (var metrics = new MetricsFile(FilePath))
        {
            metrics.Append(
                ("event", "step"), ("step", 3L), ("epoch", 1), ("loss", 0.25), ("rate", 0.5f),
                ("last", true), ("none", null), ("bad", double.NaN), ("text", "a\n\"b\""));
        }
        Assert.Equal(
            """{"event":"step","step":3,"epoch":1,"loss":0.25,"rate":0.5,"last":true,"""
            + "\"none\":null,\"bad\":\"NaN\",\"text\":\"a\\n\\u0022b\\u0022\"}\n",
            File.ReadAllText(FilePath));
        using var parsed = JsonDocument.Parse(File.ReadAllText(FilePath));
        Assert.Equal("a\n\"b\"", parsed.RootElement.GetProperty("text").GetString());
    }

    [Fact]
    public void Numbers_survive_the_round_trip()
    {
        var random = new Random(2);
        using (var metrics = new MetricsFile(FilePath))
        {
            for (var line = 0; line < 100; line++)
            {
                metrics.Append(("value", BitConverter.Int64BitsToDouble(random.NextInt64())));
            }
        }
        random = new Random(2);
        foreach (var line in File.ReadLines(FilePath))
        {
            using var parsed = JsonDocument.Parse(line);
            var value = parsed.RootElement.GetProperty("value");
            var expected = BitConverter.Int64BitsToDouble(random.NextInt64());
            if (double.IsFinite(expected))
            {
                Assert.Equal(expected, value.GetDouble());
            }
        }
    }

    [Fact]
    public void Opening_appends_and_removes_a_torn_line()
    {
        File.WriteAllText(FilePath, "{\"step\":1}\n{\"step\":2,\"lo");
        using (var metrics = new MetricsFile(FilePath))
        {
            metrics.Append(("step", 2));
        }
        Assert.Equal("{\"step\":1}\n{\"step\":2}\n", File.ReadAllText(FilePath));
    }

    [Fact]
    public void Flushed_lines_can_be_read_while_the_file_is_open()
    {
        using var metrics = new MetricsFile(FilePath);
        metrics.Append(("step", 1));
        metrics.Flush();
        using var reader = new StreamReader(new FileStream(
            FilePath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        Assert.Equal("{\"step\":1}\n", reader.ReadToEnd());
    }

    [Fact]
    public void Lines_are_in_the_file_once_they_are_flushed_and_not_before()
    {
        var metrics = new MetricsFile(FilePath);
        metrics.Append(("step", 1));
        metrics.Flush();
        metrics.Append(("step", 2));
        metrics.Abandon();
        Assert.Equal("{\"step\":1}\n", File.ReadAllText(FilePath));
    }

    [Fact]
    public void Wherever_the_file_is_cut_whole_lines_stay()
    {
        const string content = "{\"step\":1}\n{\"text\":\"déjà\"}\n{\"step\":3}\n";
        var bytes = Encoding.UTF8.GetBytes(content);
        for (var length = 0; length <= bytes.Length; length++)
        {
            File.WriteAllBytes(FilePath, bytes.AsSpan(0, length));
            var whole = bytes[..(bytes.AsSpan(0, length).LastIndexOf((byte)'\n') + 1)];
            Assert.Equal(
                whole.Count(value => value == '\n'), MetricsFile.Read(FilePath).Count());
            new MetricsFile(FilePath).Dispose();
            Assert.Equal(whole, File.ReadAllBytes(FilePath));
        }
    }

    [Fact]
    public void Zeros_that_a_dead_machine_left_are_torn_lines()
    {
        var filler = new string('x', 100_000);
        var first = $"{{\"text\":\"{filler}\"}}\n";
        File.WriteAllText(FilePath, first + "{\"step\":\0\0\0\0\n{\"step\":3}\n");
        Assert.Equal(filler, Assert.Single(
            MetricsFile.Read(FilePath).Select(line => line.GetProperty("text").GetString())));
        new MetricsFile(FilePath).Dispose();
        Assert.Equal(first, File.ReadAllText(FilePath));
    }

    [Fact]
    public void A_writer_that_has_been_replaced_writes_where_nobody_looks_and_is_told()
    {
        using var stale = new MetricsFile(FilePath);
        stale.Append(("step", 1));
        stale.Commit();
        using var metrics = new MetricsFile(FilePath);
        stale.Append(("step", 2));
        var error = Assert.Throws<FileReplacedException>(stale.Commit);
        Assert.StartsWith(FilePath, error.Message);
        metrics.Append(("step", 20));
        metrics.Commit();
        Assert.Equal("{\"step\":1}\n{\"step\":20}\n", File.ReadAllText(FilePath));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_leftover_of_a_killed_opening_is_no_hindrance_and_is_swept_away()
    {
        File.WriteAllText(FilePath, "{\"step\":1}\n");
        File.WriteAllText(FilePath + ".1.partial", "a leftover, longer than the file itself");
        File.WriteAllText(folder.File("events.2.partial"), "another");
        new MetricsFile(FilePath).Dispose();
        Assert.Equal("{\"step\":1}\n", File.ReadAllText(FilePath));
        MetricsFile.SweepStale(folder.Path);
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    /// <summary>
    /// One of several that open the file at the same time is the last; the others are told when
    /// they commit, and none is in another's way.
    /// </summary>
    [Fact]
    public void Openings_at_the_same_time_leave_one_writer()
    {
        File.WriteAllText(FilePath, string.Concat(
            Enumerable.Range(1, 1000).Select(step => $"{{\"step\":{step}}}\n")));
        for (int round = 0; round < 20; round++)
        {
            var files = new MetricsFile[4];
            Parallel.For(0, files.Length, index => files[index] = new MetricsFile(FilePath));
            int replaced = 0;
            for (int index = 0; index < files.Length; index++)
            {
                // Lines of different lengths, because a replaced writer is known by the length.
                files[index].Append(("step", 1001 + round), ("by", new string('x', index)));
                replaced += Record.Exception(files[index].Commit) is FileReplacedException ? 1 : 0;
                files[index].Abandon();
            }

            Assert.Equal(files.Length - 1, replaced);
            Assert.Equal(1001 + round, MetricsFile.Read(FilePath).Count());
        }

        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Reading_names_the_line_that_is_not_JSON()
    {
        File.WriteAllText(FilePath, "{\"step\":1}\nnonsense\n");
        var error = Assert.Throws<OperatingException>(() => MetricsFile.Read(FilePath).Count());
        Assert.StartsWith($"{FilePath} line 2 ", error.Message);
    }

    [Theory]
    [InlineData(0, "{\"event\":\"start\"}\n")]
    [InlineData(5, "{\"event\":\"start\"}\n{\"a\":{\"step\":9},\"step\":5}\n")]
    [InlineData(6, "{\"event\":\"start\"}\n{\"a\":{\"step\":9},\"step\":5}\n{\"step\":6}\n")]
    public void Truncate_drops_later_steps_and_a_torn_line(long stepLast, string expected)
    {
        File.WriteAllText(
            FilePath,
            "{\"event\":\"start\"}\n{\"a\":{\"step\":9},\"step\":5}\n{\"step\":6}\n{\"step\":7");
        MetricsFile.Truncate(FilePath, stepLast);
        Assert.Equal(expected, File.ReadAllText(FilePath));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Truncate_refuses_what_is_not_JSON_and_leaves_it_alone()
    {
        const string content = "{\"step\":1}\nnonsense\n";
        File.WriteAllText(FilePath, content);
        var error = Assert.Throws<OperatingException>(() => MetricsFile.Truncate(FilePath, 1));
        Assert.StartsWith($"{FilePath} line 2 ", error.Message);
        Assert.Equal(content, File.ReadAllText(FilePath));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Truncate_of_nothing_is_nothing()
    {
        MetricsFile.Truncate(FilePath, 1);
        Assert.False(File.Exists(FilePath));
    }

    [Fact]
    public void A_path_that_can_not_be_written_is_an_operating_error()
    {
        var error = Assert.Throws<OperatingException>(() => new MetricsFile(folder.Path));
        Assert.Contains("can not be written", error.Message);
    }
}
