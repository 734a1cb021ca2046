using Distributed.Telemetry.Wire;

namespace Distributed.Telemetry;

/// <summary>
/// How far the event files of a directory go, so that another file can go on from there. A tag's
/// values are written in the order of their steps, so its last step tells which ones are there.
/// </summary>
public sealed class EventHistory
{
    /// <summary>
    /// Without the prefix of event files: TensorBoard would read a leftover as one of them.
    /// </summary>
    private const string PartialName = "events";

    private readonly Dictionary<string, long> lastSteps = [];

    public static EventHistory Empty { get; } = new();

    /// <summary>The last step of any tag; 0 where there is none.</summary>
    public long LastStep => lastSteps.Values.DefaultIfEmpty(0).Max();

    public bool IsEmpty => lastSteps.Count == 0;

    /// <summary>Whether the model is there.</summary>
    public bool HasGraph { get; private set; }

    internal IReadOnlyDictionary<string, long> LastSteps => lastSteps;

    public bool Holds(string tag, long step) =>
        lastSteps.TryGetValue(tag, out var last) && step <= last;

    /// <summary>
    /// Reads all event files. A record that a killed process has torn is cut off, and the newest
    /// file is replaced by its copy: a writer that still has it open writes where nobody looks.
    /// Throws <see cref="Kernel.OperatingException"/> where a file cannot be read or written.
    /// </summary>
    public static EventHistory TakeOver(string directory) => Disk.Do(directory, () =>
    {
        var history = new EventHistory();
        var paths = EventFileWriter.FilesIn(directory);
        foreach (var path in paths.SkipLast(1))
        {
            history.Read(path, Stream.Null);
        }
        foreach (var newest in paths.TakeLast(1))
        {
            history.Replace(newest, Path.Combine(directory, PartialName));
        }
        return history;
    });

    private void Replace(string path, string partial)
    {
        using var file = Replacement.Open(path, partial, copy => Read(path, copy));
        if (file.Length == 0)
        {
            File.Delete(path);
        }
    }

    /// <summary>
    /// Notes and copies the records up to the first that is not whole. TensorBoard reads no further
    /// either.
    /// </summary>
    private void Read(string path, Stream copy)
    {
        using var source = Replacement.Source(path);
        while (source is not null && EventRecord.TryRead(source) is { } data)
        {
            Note(Event.Parser.ParseFrom(data));
            EventRecord.Write(copy, data);
        }
    }

    private void Note(Event @event)
    {
        if (@event.WhatCase == Event.WhatOneofCase.SessionLog)
        {
            Restart(lastSteps, @event.Step);
        }
        HasGraph |= @event.WhatCase == Event.WhatOneofCase.GraphDef;
        foreach (var value in @event.Summary?.Value ?? [])
        {
            // Such a record belongs to the whole run, and may be there before the first step.
            if (value.Metadata?.PluginData?.PluginName == HParamsFile.Plugin)
            {
                continue;
            }
            lastSteps[value.Tag] = @event.Step;
        }
    }

    /// <summary>
    /// A session's start takes back what is there of its step and later. What was there of earlier
    /// steps is whole.
    /// </summary>
    internal static void Restart(Dictionary<string, long> lastSteps, long startStep)
    {
        foreach (var (tag, last) in lastSteps)
        {
            lastSteps[tag] = Math.Min(last, startStep - 1);
        }
    }
}
