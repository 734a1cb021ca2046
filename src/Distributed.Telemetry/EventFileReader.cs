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
        var scalars = new List<ScalarValue>();
        var texts = new List<TextValue>();
        var hyperparameters = new List<HParamsValue>();
        var lastSteps = new Dictionary<string, long>();
        for (; next is not null; next = Next(stream, path))
        {
            Require(
                next.WhatCase == Event.WhatOneofCase.Summary, path, $"has a late {next.WhatCase}");
            var at = DateTimeOffset.UnixEpoch.AddSeconds(next.WallTime);
            foreach (var value in next.Summary.Value)
            {
                Require(
                    !lastSteps.TryGetValue(value.Tag, out var last) || next.Step > last,
                    path, $"has step {next.Step} of {value.Tag} out of order");
                lastSteps[value.Tag] = next.Step;
                if (value.ValueCase == Summary.Types.Value.ValueOneofCase.SimpleValue)
                {
                    scalars.Add(new ScalarValue(value.Tag, next.Step, value.SimpleValue, at));
                }
                else if (value.Metadata?.PluginData?.PluginName == "text")
                {
                    var text = value.Tensor.StringVal[0].ToStringUtf8();
                    texts.Add(new TextValue(value.Tag, next.Step, text, at));
                }
                else if (value.Metadata?.PluginData is { PluginName: HParamsFile.Plugin } plugin)
                {
                    hyperparameters.Add(
                        new HParamsValue(value.Tag, next.Step, plugin.Content.Memory, at));
                }
                else
                {
                    Require(false, path, $"holds {value.Tag} as something unknown");
                }
            }
        }
        return new EventFile(startStep, scalars, texts, hyperparameters);
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
