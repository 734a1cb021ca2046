namespace Distributed.Telemetry.Tests;

public sealed class EventHistoryTests : IDisposable
{
    private static readonly DateTimeOffset At = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);

    private readonly TemporaryFolder folder = new();
    private readonly ManualClock clock = new(At);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_folder_without_event_files_has_no_history()
    {
        File.WriteAllText(folder.File("metrics.jsonl"), "{}\n");
        var history = EventHistory.TakeOver(folder.Path);
        Assert.True(history.IsEmpty);
        Assert.Equal(0, history.LastStep);
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    /// <summary>All records before the cut stay, nothing else, and the rest can be added.</summary>
    [Fact]
    public void Wherever_the_newest_file_is_cut_the_next_one_goes_on_from_there()
    {
        WriteFile(1, ("a", 1), ("b", 1), ("a", 2));
        var path = WriteFile(null, ("a", 3), ("b", 4), ("a", 5));
        var whole = File.ReadAllBytes(path);
        for (var length = 0; length <= whole.Length; length++)
        {
            File.WriteAllBytes(path, whole.AsSpan(0, length));
            var history = EventHistory.TakeOver(folder.Path);
            Assert.Equal(Values().Max(value => value.Step), history.LastStep);
            using (var writer = new EventFileWriter(folder.Path, null, history, clock))
            {
                Write(writer, ("a", 3), ("b", 4), ("a", 5), ("b", 6));
            }
            Assert.Equal([1, 2, 3, 5], StepsOf("a"));
            Assert.Equal([1, 4, 6], StepsOf("b"));
            File.Delete(Files()[^1]);
        }
    }

    [Fact]
    public void A_writer_that_has_been_replaced_writes_where_nobody_looks()
    {
        using var stale = new EventFileWriter(folder.Path, 1, EventHistory.Empty, clock);
        Write(stale, ("a", 1));
        stale.Flush();
        var history = EventHistory.TakeOver(folder.Path);
        Write(stale, ("a", 2), ("b", 2));
        stale.Flush();
        using (var writer = new EventFileWriter(folder.Path, null, history, clock))
        {
            Write(writer, ("a", 2), ("a", 3));
        }
        Assert.Equal([1, 2, 3], StepsOf("a"));
        Assert.Empty(StepsOf("b"));
    }

    [Fact]
    public void A_session_start_takes_back_its_step_and_later_ones()
    {
        WriteFile(1, ("a", 4), ("b", 4), ("a", 8));
        WriteFile(6, ("c", 7));
        var history = EventHistory.TakeOver(folder.Path);
        Assert.Equal(7, history.LastStep);
        using (var writer = new EventFileWriter(folder.Path, null, history, clock))
        {
            Write(writer, ("a", 5), ("a", 6), ("b", 4), ("b", 5), ("c", 7));
        }
        Assert.Equal(
            [("a", 6L), ("b", 5L)],
            EventFileReader.Read(Files()[^1]).Scalars.Select(value => (value.Tag, value.Step)));
    }

    [Fact]
    public void Of_an_older_file_that_is_torn_the_whole_records_count_and_its_bytes_stay()
    {
        var torn = WriteFile(1, ("a", 1), ("a", 2));
        var bytes = File.ReadAllBytes(torn)[..^1];
        File.WriteAllBytes(torn, bytes);
        WriteFile(null, ("b", 1));
        Assert.Equal(1, EventHistory.TakeOver(folder.Path).LastStep);
        Assert.Equal(bytes, File.ReadAllBytes(torn));
    }

    [Fact]
    public void A_leftover_of_a_killed_takeover_is_never_read_as_an_event_file()
    {
        WriteFile(1, ("a", 1));
        File.WriteAllText(folder.File("events.1.partial"), "leftover");
        Assert.Equal(1, EventHistory.TakeOver(folder.Path).LastStep);
        Assert.Equal([1], StepsOf("a"));
        Assert.Single(EventFileWriter.FilesIn(folder.Path));
    }

    private string WriteFile(long? startStep, params (string Tag, long Step)[] values)
    {
        using var writer =
            new EventFileWriter(folder.Path, startStep, EventHistory.Empty, clock);
        Write(writer, values);
        return writer.Path;
    }

    private static void Write(EventFileWriter writer, params (string Tag, long Step)[] values)
    {
        foreach (var (tag, step) in values)
        {
            writer.Scalar(tag, step, step, At);
        }
    }

    private string[] Files() => [.. Directory.GetFiles(folder.Path, "*tfevents*").Order()];

    private IEnumerable<ScalarValue> Values() =>
        Files().SelectMany(path => EventFileReader.Read(path).Scalars);

    private IEnumerable<long> StepsOf(string tag) =>
        Values().Where(value => value.Tag == tag).Select(value => value.Step);
}
