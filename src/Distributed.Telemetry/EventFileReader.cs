using Distributed.Kernel;
using Distributed.Telemetry.Wire;
using Google.Protobuf;

namespace Distributed.Telemetry;

/// <summary>
/// Reads an event file and refuses whatever TensorBoard might only overlook: a wrong checksum, a
/// torn record, a file that does not start as it must, steps of a tag that do not rise.
/// </summary>
public static class EventFileReader
{
    /// <summary>
    /// All values in the order of the file. Throws <see cref="OperatingException"/> with the file
    /// and the byte at the first record that is not right.
    /// </summary>
    public static EventFile Read(string path)
    {
        using var stream = File.OpenRead(path);
        var version = Next(stream, path);
        Require(
            version?.WhatCase == Event.WhatOneofCase.FileVersion
                && version.FileVersion == "brain.Event:2",
            path, "does not start with the version event brain.Event:2");
        var next = Next(stream, path);
        long? startStep = null;
        if (next?.SessionLog?.Status == SessionLog.Types.SessionStatus.Start)
        {
            startStep = next.Step;
            next = Next(stream, path);
        }
        var values = new Values([], [], [], []);
        var hasGraph = false;
        var lastSteps = new Dictionary<string, long>();
        for (; next is not null; next = Next(stream, path))
        {
            if (next.WhatCase == Event.WhatOneofCase.GraphDef)
            {
                Require(!hasGraph, path, "has a second graph");
                hasGraph = true;
                continue;
            }
            Require(
                next.WhatCase == Event.WhatOneofCase.Summary, path, $"has a late {next.WhatCase}");
            var at = DateTimeOffset.UnixEpoch.AddSeconds(next.WallTime);
            foreach (var value in next.Summary.Value)
            {
                Require(
                    !lastSteps.TryGetValue(value.Tag, out var last) || next.Step > last,
                    path, $"has step {next.Step} of {value.Tag} out of order");
                lastSteps[value.Tag] = next.Step;
                Require(
                    values.TryAdd(value, next.Step, at), path,
                    $"holds {value.Tag} as something unknown");
            }
        }
        return new EventFile(
            startStep, values.Scalars, values.Texts, values.HParams, values.Shown, hasGraph);
    }

    private sealed record Values(
        List<ScalarValue> Scalars, List<TextValue> Texts, List<HParamsValue> HParams,
        List<ShownValue> Shown)
    {
        public bool TryAdd(Summary.Types.Value value, long step, DateTimeOffset at)
        {
            var plugin = value.Metadata?.PluginData;
            switch (value.ValueCase)
            {
                case Summary.Types.Value.ValueOneofCase.SimpleValue:
                    Scalars.Add(new ScalarValue(value.Tag, step, value.SimpleValue, at));
                    return true;
                case Summary.Types.Value.ValueOneofCase.Image:
                    Shown.Add(new ShownValue(value.Tag, step, "images", at));
                    return true;
                case Summary.Types.Value.ValueOneofCase.Histo:
                    Shown.Add(new ShownValue(value.Tag, step, "histograms", at));
                    return true;
            }
            switch (plugin?.PluginName)
            {
                case SummaryBuilder.TextPlugin when value.Tensor.TensorShape.Dim.Count == 0:
                    var text = value.Tensor.StringVal[0].ToStringUtf8();
                    Texts.Add(new TextValue(value.Tag, step, text, at));
                    return true;
                case HParamsFile.Plugin:
                    HParams.Add(new HParamsValue(value.Tag, step, plugin.Content.Memory, at));
                    return true;
                case SummaryBuilder.TextPlugin or SummaryBuilder.PrCurvesPlugin
                    or SummaryBuilder.CustomScalarsPlugin:
                    Shown.Add(new ShownValue(value.Tag, step, plugin.PluginName, at));
                    return true;
                default:
                    return false;
            }
        }
    }

    private static Event? Next(FileStream stream, string path)
    {
        var position = stream.Position;
        if (EventRecord.Read(stream, path) is not { } data)
        {
            return null;
        }
        try
        {
            return Event.Parser.ParseFrom(data);
        }
        catch (InvalidProtocolBufferException malformed)
        {
            throw new OperatingException(
                $"{path}: the record at byte {position} is no event ({malformed.Message})",
                inner: malformed);
        }
    }

    private static void Require(bool condition, string path, string what)
    {
        if (!condition)
        {
            throw new OperatingException($"{path} {what}; is it a file of this program?");
        }
    }
}
