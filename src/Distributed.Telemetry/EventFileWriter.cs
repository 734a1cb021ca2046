using System.Buffers;
using System.Globalization;
using Distributed.Kernel;
using Distributed.Telemetry.Wire;
using Google.Protobuf;

namespace Distributed.Telemetry;

/// <summary>
/// Writes one TensorBoard event file: one for each life of a process, one writer to a directory.
/// Not for several threads at once.
/// </summary>
public sealed class EventFileWriter : IDisposable
{
    private const string FilePrefix = "events.out.tfevents.";
    private static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(2);

    private readonly long startStep;
    private readonly TimeProvider clock;
    private readonly FileStream file;
    private readonly Dictionary<string, long> lastSteps = [];
    private readonly ArrayBufferWriter<byte> buffer = new();
    private long flushedAt;

    /// <summary>
    /// Opens a new file after all others in the directory. Of what earlier files hold, TensorBoard
    /// drops every step from <paramref name="startStep"/> on: a run resumed after step 500 passes
    /// 501.
    /// </summary>
    public EventFileWriter(string directory, long startStep, TimeProvider clock)
    {
        this.startStep = startStep;
        this.clock = clock;
        file = Disk.Do(directory, () =>
        {
            Directory.CreateDirectory(directory);
            return Create(directory, clock.GetUtcNow());
        });
        var now = clock.GetUtcNow();
        Write(new Event
        {
            FileVersion = "brain.Event:2",
            SourceMetadata = new SourceMetadata { Writer = "distributed" },
        }, step: 0, now);
        Write(new Event
        {
            SessionLog = new SessionLog { Status = SessionLog.Types.SessionStatus.Start },
        }, startStep, now);
        Flush();
    }

    public string Path => file.Name;

    /// <summary>Steps must rise from one value of a tag to the next.</summary>
    public void Scalar(string tag, long step, double value, DateTimeOffset at)
    {
        var scalar = new Summary.Types.Value { Tag = tag, SimpleValue = (float)value };
        Write(scalar, step, at);
    }

    /// <summary>Shown as Markdown. Steps must rise from one value of a tag to the next.</summary>
    public void Text(string tag, long step, string text, DateTimeOffset at)
    {
        var tensor = new TensorProto
        {
            Dtype = DataType.DtString,
            TensorShape = new TensorShapeProto(),
        };
        tensor.StringVal.Add(ByteString.CopyFromUtf8(text));
        var plugin = new SummaryMetadata.Types.PluginData { PluginName = "text" };
        Write(new Summary.Types.Value
        {
            Tag = tag,
            Tensor = tensor,
            Metadata = new SummaryMetadata
            {
                PluginData = plugin,
                DataClass = DataClass.Tensor,
            },
        }, step, at);
    }

    /// <summary>Hands everything to the operating system; else that happens every 2 s.</summary>
    public void Flush()
    {
        Disk.Do(Path, file.Flush);
        flushedAt = clock.GetTimestamp();
    }

    public void Dispose() => Disk.Do(Path, file.Dispose);

    private void Write(Summary.Types.Value value, long step, DateTimeOffset at)
    {
        Invariant.Check(
            step >= startStep,
            $"{value.Tag} has a value for step {step} in a file that starts at {startStep}");
        var seen = lastSteps.TryGetValue(value.Tag, out var last);
        Invariant.Check(
            !seen || step > last,
            $"{value.Tag} has a value for step {step} after that for step {last}");
        lastSteps[value.Tag] = step;
        var summary = new Summary();
        summary.Value.Add(value);
        Write(new Event { Summary = summary }, step, at);
        if (clock.GetElapsedTime(flushedAt) >= FlushInterval)
        {
            Flush();
        }
    }

    private void Write(Event @event, long step, DateTimeOffset at)
    {
        @event.Step = step;
        @event.WallTime = (at - DateTimeOffset.UnixEpoch).TotalSeconds;
        buffer.ResetWrittenCount();
        @event.WriteTo(buffer);
        Disk.Do(Path, () => EventRecord.Write(file, buffer.WrittenSpan));
    }

    /// <summary>
    /// TensorBoard reads the files of a directory in the order of their names, so the time in the
    /// name is later than any there, even if the clock went back or a second has not passed.
    /// </summary>
    private static FileStream Create(string directory, DateTimeOffset now)
    {
        var seconds = now.ToUnixTimeSeconds();
        foreach (var earlier in Directory.EnumerateFiles(directory, FilePrefix + "*"))
        {
            var fields = System.IO.Path.GetFileName(earlier)[FilePrefix.Length..].Split('.');
            if (long.TryParse(fields[0], CultureInfo.InvariantCulture, out var earlierSeconds))
            {
                seconds = Math.Max(seconds, earlierSeconds + 1);
            }
        }
        var name = string.Create(
            CultureInfo.InvariantCulture,
            $"{FilePrefix}{seconds:D10}.{Environment.MachineName}.{Environment.ProcessId}.0");
        return new FileStream(
            System.IO.Path.Combine(System.IO.Path.GetFullPath(directory), name),
            FileMode.CreateNew, FileAccess.Write, FileShare.Read);
    }
}
