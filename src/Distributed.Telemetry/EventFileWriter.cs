using System.Buffers;
using System.Globalization;
using Distributed.Telemetry.Wire;
using Google.Protobuf;

namespace Distributed.Telemetry;

/// <summary>
/// Writes one TensorBoard event file: one for each life of a process, one writer to a directory.
/// Not for several threads at once.
/// </summary>
/// <remarks>
/// The steps of a tag only rise, over all files of a directory: a value for a step that its tag has
/// or is past already is left out, since TensorBoard would drop those after it.
/// </remarks>
public sealed class EventFileWriter : IDisposable
{
    private const string FilePrefix = "events.out.tfevents.";
    private const int WaitingBytesMax = 1 << 16;
    private const int WaitingBytesKept = 1 << 20;
    private static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(2);

    private readonly TimeProvider clock;
    private readonly FileStream file;
    private readonly Dictionary<string, long> lastSteps;
    private readonly ArrayBufferWriter<byte> buffer = new();
    private readonly MemoryStream waiting = new();
    private long flushedAt;
    private bool hasGraph;

    /// <summary>
    /// Opens a new file after all others in the directory, which hold
    /// <paramref name="earlier"/>. Of that, TensorBoard drops every step from
    /// <paramref name="startStep"/> on: a run resumed after step 500 passes 501, one that keeps
    /// all of it passes null.
    /// </summary>
    public EventFileWriter(
        string directory, long? startStep, EventHistory earlier, TimeProvider clock)
        : this(directory, startStep, earlier, clock, New)
    {
    }

    /// <param name="directory">As above.</param>
    /// <param name="startStep">As above.</param>
    /// <param name="earlier">As above.</param>
    /// <param name="clock">As above.</param>
    /// <param name="open">Makes a new file: a test has one on a disk that is full.</param>
    internal EventFileWriter(
        string directory, long? startStep, EventHistory earlier, TimeProvider clock,
        Func<string, FileStream> open)
    {
        this.clock = clock;
        lastSteps = new Dictionary<string, long>(earlier.LastSteps);
        hasGraph = earlier.HasGraph;
        file = Disk.Do(directory, () =>
        {
            Directory.CreateDirectory(directory);
            return Create(directory, clock.GetUtcNow(), open);
        });
        var now = clock.GetUtcNow();
        Write(new Event
        {
            FileVersion = "brain.Event:2",
            SourceMetadata = new SourceMetadata { Writer = "distributed" },
        }, step: 0, now);
        if (startStep is { } start)
        {
            EventHistory.Restart(lastSteps, start);
            Write(new Event
            {
                SessionLog = new SessionLog { Status = SessionLog.Types.SessionStatus.Start },
            }, start, now);
        }
        Flush();
        // What has been taken back must not return when the machine dies.
        Disk.Do(Path, () => file.Flush(flushToDisk: true));
    }

    public string Path => file.Name;

    public void Scalar(string tag, long step, double value, DateTimeOffset at)
    {
        var scalar = new Summary.Types.Value { Tag = tag, SimpleValue = (float)value };
        Write(scalar, step, at);
    }

    /// <summary>Shown as Markdown.</summary>
    public void Text(string tag, long step, string text, DateTimeOffset at) =>
        Add(new SummaryBuilder().Text(tag, text), step, at);

    public void Add(SummaryBuilder summary, long step, DateTimeOffset at)
    {
        foreach (var value in summary.Values)
        {
            Write(value, step, at);
        }
    }

    /// <summary>
    /// The model, once a directory: later ones are left out. It is about no step, so that no
    /// session's start takes it back. Returns as <see cref="Attach"/> does.
    /// </summary>
    public string? Graph(AttachedGraph graph, DateTimeOffset at)
    {
        if (hasGraph)
        {
            return null;
        }
        var problem = WriteAside(new Event { GraphDef = graph.Bytes }, step: 0, at);
        hasGraph = problem is null;
        return problem;
    }

    /// <summary>
    /// Puts a summary in as one record, without the values that are there already. Where the disk
    /// has no room for it, the file is as before, and what was wrong is returned; null where all
    /// went well.
    /// </summary>
    /// <exception cref="Kernel.OperatingException">What came before cannot be written.</exception>
    public string? Attach(AttachedSummary attached, long step, DateTimeOffset at)
    {
        var summary = new Summary();
        var tags = new HashSet<string>();
        foreach (var value in attached.Values)
        {
            if (!(lastSteps.TryGetValue(value.Tag, out var last) && step <= last)
                && tags.Add(value.Tag))
            {
                summary.Value.Add(value);
            }
        }
        if (summary.Value.Count == 0)
        {
            return null;
        }
        var problem = WriteAside(new Event { Summary = summary }, step, at);
        foreach (var tag in problem is null ? tags : [])
        {
            lastSteps[tag] = step;
        }
        return problem;
    }

    /// <summary>A record of the hyper-parameter plugin, which is about no step.</summary>
    internal void HParams(string tag, ByteString content, DateTimeOffset at)
    {
        // Some readers drop a value without a tensor.
        var tensor = new TensorProto
        {
            Dtype = DataType.DtFloat,
            TensorShape = new TensorShapeProto(),
        };
        tensor.TensorShape.Dim.Add(new TensorShapeProto.Types.Dim { Size = 1 });
        tensor.FloatVal.Add(0);
        Write(new Summary.Types.Value
        {
            Tag = tag,
            Tensor = tensor,
            Metadata = new SummaryMetadata
            {
                PluginData = new SummaryMetadata.Types.PluginData
                {
                    PluginName = HParamsFile.Plugin,
                    Content = content,
                },
                DataClass = DataClass.Tensor,
            },
        }, step: 0, at);
    }

    /// <summary>Hands everything to the operating system; else that happens every 2 s.</summary>
    public void Flush()
    {
        Disk.Do(Path, () =>
        {
            file.Write(waiting.GetBuffer().AsSpan(0, (int)waiting.Length));
            waiting.SetLength(0);
        });
        flushedAt = clock.GetTimestamp();
    }

    /// <summary>Closes the file without what has not been flushed.</summary>
    public void Abandon() => Disk.Do(Path, file.Dispose);

    public void Dispose()
    {
        try
        {
            Flush();
        }
        finally
        {
            Abandon();
        }
    }

    /// <summary>The event files of a directory in the order in which TensorBoard reads
    /// them.</summary>
    internal static IReadOnlyList<string> FilesIn(string directory) =>
        [.. Directory.EnumerateFiles(directory, FilePrefix + "*").Order(StringComparer.Ordinal)];

    private void Write(Summary.Types.Value value, long step, DateTimeOffset at)
    {
        if (lastSteps.TryGetValue(value.Tag, out var last) && step <= last)
        {
            return;
        }
        lastSteps[value.Tag] = step;
        var summary = new Summary();
        summary.Value.Add(value);
        Write(new Event { Summary = summary }, step, at);
        if (waiting.Length >= WaitingBytesMax
            || clock.GetElapsedTime(flushedAt) >= FlushInterval)
        {
            Flush();
        }
    }

    /// <summary>
    /// What is shown beside the figures must not cost them: a record that does not fit is taken
    /// out of the file again.
    /// </summary>
    private string? WriteAside(Event @event, long step, DateTimeOffset at)
    {
        Flush();
        var length = file.Position;
        Write(@event, step, at);
        try
        {
            file.Write(waiting.GetBuffer().AsSpan(0, (int)waiting.Length));
            return null;
        }
        catch (IOException refused)
        {
            Disk.Do(Path, () =>
            {
                file.SetLength(length);
                file.Position = length;
            });
            return refused.Message;
        }
        finally
        {
            waiting.SetLength(0);
            if (waiting.Capacity > WaitingBytesKept)
            {
                waiting.Capacity = WaitingBytesKept;
            }
        }
    }

    private void Write(Event @event, long step, DateTimeOffset at)
    {
        @event.Step = step;
        @event.WallTime = (at - DateTimeOffset.UnixEpoch).TotalSeconds;
        buffer.ResetWrittenCount();
        @event.WriteTo(buffer);
        EventRecord.Write(waiting, buffer.WrittenSpan);
    }

    /// <summary>
    /// TensorBoard reads the files of a directory in the order of their names, so the time in the
    /// name is later than any there, even if the clock went back or a second has not passed.
    /// </summary>
    private static FileStream Create(
        string directory, DateTimeOffset now, Func<string, FileStream> open)
    {
        var seconds = now.ToUnixTimeSeconds();
        foreach (var earlier in FilesIn(directory))
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
        return open(System.IO.Path.Combine(System.IO.Path.GetFullPath(directory), name));
    }

    private static FileStream New(string path) => new(
        path, FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete,
        bufferSize: 0);
}
