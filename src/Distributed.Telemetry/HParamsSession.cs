using Distributed.Telemetry.Wire.HParams;

namespace Distributed.Telemetry;

/// <summary>How a session ended.</summary>
public enum HParamsStatus
{
    Success,
    Failure,
}

/// <summary>
/// A run with its hyper-parameters, as a row of TensorBoard's table. Its records are in the run's
/// own folder, in files beside those with its metrics. One thread at a time may write them, while
/// no job runs that writes metrics there.
/// </summary>
public static class HParamsSession
{
    public const string StartTag = "_hparams_/session_start_info";
    public const string EndTag = "_hparams_/session_end_info";

    /// <summary>
    /// To be called before the run's first job: TensorBoard reads files by their names, which rise
    /// with the time. Returns false, and changes nothing, where it has been called before.
    /// </summary>
    /// <param name="folder">The run's, which is made where there is none.</param>
    /// <param name="groupName">Sessions of one group, such as the same trial with several seeds,
    /// are shown as one row, with the mean of their metrics.</param>
    /// <param name="values">By the names in the experiment. NaN and infinite ones are left
    /// out.</param>
    /// <param name="clock">Tells when the session starts.</param>
    /// <exception cref="Kernel.OperatingException">The folder cannot be written.</exception>
    public static bool Start(
        string folder, string groupName, IReadOnlyDictionary<string, HParamValue> values,
        TimeProvider clock)
    {
        var start = new SessionStartInfo
        {
            GroupName = groupName,
            StartTimeSecs = HParamsFile.Seconds(clock.GetUtcNow()),
        };
        foreach (var (name, value) in values)
        {
            if (value.ToWire() is { } shown)
            {
                start.Hparams.Add(name, shown);
            }
        }
        return HParamsFile.Write(
            folder, StartTag, new HParamsPluginData { SessionStartInfo = start }, clock);
    }

    /// <summary>
    /// To be called when no other job will go on with the run: the first end stands. Returns false,
    /// and changes nothing, where it has been called before.
    /// </summary>
    /// <exception cref="Kernel.OperatingException">The folder cannot be written.</exception>
    public static bool End(string folder, HParamsStatus status, TimeProvider clock)
    {
        var end = new SessionEndInfo
        {
            Status = status == HParamsStatus.Success ? Status.Success : Status.Failure,
            EndTimeSecs = HParamsFile.Seconds(clock.GetUtcNow()),
        };
        return HParamsFile.Write(
            folder, EndTag, new HParamsPluginData { SessionEndInfo = end }, clock);
    }
}
