using Distributed.Telemetry.Wire;
using Distributed.Telemetry.Wire.HParams;
using Google.Protobuf;

namespace Distributed.Telemetry;

/// <summary>
/// Event files that hold one record of TensorBoard's hyper-parameter plugin each. A record is
/// written once, however often that is asked for: TensorBoard takes the first one of a tag, and
/// hides columns where there are two experiments. A file of its own leaves those of others alone,
/// which come before and after it by their names.
/// </summary>
internal static class HParamsFile
{
    public const string Plugin = "hparams";

    /// <summary>False where such a record is there already.</summary>
    public static bool Write(
        string folder, string tag, HParamsPluginData record, TimeProvider clock)
    {
        if (Disk.Do(folder, () => Holds(folder, tag)))
        {
            return false;
        }
        using var writer = new EventFileWriter(
            folder, startStep: null, EventHistory.Empty, clock);
        writer.HParams(tag, record.ToByteString(), clock.GetUtcNow());
        return true;
    }

    public static double Seconds(DateTimeOffset at) =>
        (at - DateTimeOffset.UnixEpoch).TotalSeconds;

    /// <summary>What a killed process has torn does not count: TensorBoard passes it
    /// over.</summary>
    private static bool Holds(string folder, string tag)
    {
        if (!Directory.Exists(folder))
        {
            return false;
        }
        foreach (var path in EventFileWriter.FilesIn(folder))
        {
            using var source = Replacement.Source(path);
            while (source is not null && EventRecord.TryRead(source) is { } data)
            {
                var summary = Event.Parser.ParseFrom(data).Summary;
                if (summary?.Value.Any(value => value.Tag == tag) == true)
                {
                    return true;
                }
            }
        }
        return false;
    }
}
