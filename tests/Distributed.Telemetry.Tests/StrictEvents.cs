using System.Buffers.Binary;

namespace Distributed.Telemetry.Tests;

/// <summary>A value of an event file.</summary>
internal sealed record StrictValue(string Tag, long Step, string Kind, WireFields Fields);

/// <summary>An event file, of which every byte was as TensorBoard wants it.</summary>
/// <param name="Start">The step at which its session starts, if it says so.</param>
internal sealed record StrictEventFile(
    long? Start, IReadOnlyList<StrictValue> Values, IReadOnlyList<WireFields> Graphs);

/// <summary>
/// Reads event files without the code that writes them, and fails at whatever TensorBoard would
/// refuse, drop or overlook.
/// </summary>
internal static class StrictEvents
{
    private static readonly uint[] Crc32C = [.. Enumerable.Range(0, 256).Select(Remainder)];

    public static StrictEventFile Read(string path)
    {
        var values = new List<StrictValue>();
        var graphs = new List<WireFields>();
        long? start = null;
        var place = 0;
        foreach (var record in Records(File.ReadAllBytes(path)))
        {
            var @event = new WireFields(record);
            Assert.True(double.IsFinite(@event.Double(1)), $"{path} has a time that is none");
            var step = @event.Whole(2);
            Assert.Equal(place == 0, @event.Has(3));
            if (@event.Has(3))
            {
                Assert.Equal("brain.Event:2", @event.Text(3));
            }
            if (@event.Has(7))
            {
                Assert.Equal(1, place);
                Assert.Equal(1, @event.Message(7).Whole(1));
                start = step;
            }
            if (@event.Has(4))
            {
                graphs.Add(@event.Message(4));
                StrictGraph.Check(graphs[^1]);
            }
            foreach (var value in @event.Has(5) ? @event.Message(5).Messages(1) : [])
            {
                values.Add(
                    new StrictValue(value.Text(1), step, StrictValues.KindOf(value), value));
            }
            place++;
        }
        Assert.True(place > 0, $"{path} has no version");
        return new StrictEventFile(start, values, graphs);
    }

    /// <summary>
    /// Checks all event files of a run, and returns what TensorBoard shows: by tag, the steps and
    /// values. Its loader in Python forgets at a session's start that step and later ones; its
    /// loader in Rust does so too, and forgets at a step that does not rise that step and later
    /// ones of the tag. Both have to show the same, each tag's steps rising, and of one kind.
    /// </summary>
    public static SortedDictionary<string, List<StrictValue>> ReadRun(string folder)
    {
        var python = new SortedDictionary<string, List<StrictValue>>(StringComparer.Ordinal);
        var rust = new SortedDictionary<string, List<StrictValue>>(StringComparer.Ordinal);
        var graphs = 0;
        foreach (var path in Directory.GetFiles(folder, "*tfevents*").Order(StringComparer.Ordinal))
        {
            var file = Read(path);
            graphs += file.Graphs.Count;
            foreach (var shown in python.Values.Concat(rust.Values))
            {
                shown.RemoveAll(value => value.Step >= (file.Start ?? long.MaxValue));
            }
            foreach (var value in file.Values)
            {
                Of(python, value.Tag).Add(value);
                var ofTag = Of(rust, value.Tag);
                ofTag.RemoveAll(earlier => earlier.Step >= value.Step);
                ofTag.Add(value);
            }
        }
        Assert.InRange(graphs, 0, 1);
        foreach (var (tag, values) in python)
        {
            Assert.Equal(values, rust[tag]);
            Assert.True(
                values.Zip(values.Skip(1)).All(pair => pair.First.Step < pair.Second.Step),
                $"{tag} has steps that do not rise");
            Assert.InRange(values.Select(value => value.Kind).Distinct().Count(), 0, 1);
        }
        return python;
    }

    private static List<StrictValue> Of(
        SortedDictionary<string, List<StrictValue>> shown, string tag)
    {
        if (!shown.TryGetValue(tag, out var values))
        {
            shown.Add(tag, values = []);
        }
        return values;
    }

    private static IEnumerable<byte[]> Records(byte[] file)
    {
        for (var place = 0; place < file.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(place));
            Assert.Equal(Masked(file.AsSpan(place, 8)), BitConverter.ToUInt32(file, place + 8));
            var data = file.AsSpan(place + 12, length).ToArray();
            Assert.Equal(Masked(data), BitConverter.ToUInt32(file, place + 12 + length));
            place += length + 16;
            yield return data;
        }
    }

    private static uint Masked(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc = (crc >> 8) ^ Crc32C[(crc ^ value) & 255];
        }
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
    }

    private static uint Remainder(int value)
    {
        var crc = (uint)value;
        for (var bit = 0; bit < 8; bit++)
        {
            crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78);
        }
        return crc;
    }
}
