using System.Text.Json.Serialization;

namespace Distributed.Dashboard.Live;

/// <summary>What the page is told: all of it, or what has changed. Numbers of 64 bits that name
/// something go as 16 hexadecimal digits, times as milliseconds since 1970.</summary>
/// <param name="IsWhole">The page forgets what it had.</param>
internal sealed record LiveFrame(
    bool IsWhole, LiveOverview Overview, IReadOnlyList<LiveWorker> Workers,
    IReadOnlyList<LiveJob> Jobs, IReadOnlyList<LiveSweep> Sweeps,
    IReadOnlyList<LiveHappening> Happenings, IReadOnlyList<LiveLog> Logs);

internal sealed record LiveOverview(
    string Address, long Term, string LeaderAddress, long StartedMs, long NowMs, int Workers,
    int WorkersUnreachable, int WorkersBusy, int JobsRunning, int SweepsRunning,
    double ImagesPerSecond, long Dropped);

internal sealed record LiveWorker(
    string Id, string Name, string Host, int ProcessId, string Address, string Status,
    bool IsUnreachable, string Reason, long SinceMs, string BenchReason, string Device, string Job,
    string Phase, int Rank, int FirstShard, int ShardCount, int ShardsTotal, long Step,
    double ComputeMs, double CommunicationMs, double WaitMs, double StepMs, double ImagesPerSecond,
    long MemoryBytes, long DeviceMemoryUsedBytes, long DeviceMemoryTotalBytes, double Utilisation);

/// <param name="Outcome">Empty while it goes on.</param>
/// <param name="Message">Why it has failed; empty where it has not.</param>
internal sealed record LiveJob(
    string Id, string Name, string Sweep, string State, int Generation, int Workers, string Reason,
    long Step, long StepsTotal, int Epoch, int EpochsTotal, double? Loss, double ImagesPerSecond,
    double? TestAccuracy, double? TestLoss, long CheckpointStep, string Outcome, string Message,
    string Folder, int LogicalShards, int GlobalBatch, long StartedMs, long? EndedMs);

internal sealed record LiveSweep(
    string Id, string Name, string State, int Wanted, int Begun, int Running, int Completed,
    int Stopped, int Failed, int? Best, double? BestValue, IReadOnlyList<LiveObjective> Objectives,
    IReadOnlyList<string> Parameters, IReadOnlyCollection<string> Benched, string Folder);

internal sealed record LiveObjective(string Name, bool IsMaximized);

internal sealed record LiveHappening(
    long Sequence, long Ms, string Kind, string Subject, string Text, bool IsFailure);

internal sealed record LiveLog(
    long Sequence, long Ms, string Level, string Node, string Source, string Text);

/// <summary>A job's figures in columns, after the step that was asked for.</summary>
internal sealed record LiveCurves(
    IReadOnlyList<long> Steps, IReadOnlyList<double?> Losses, IReadOnlyList<double> ImagesPerSecond,
    IReadOnlyList<LiveEpoch> Epochs);

internal sealed record LiveEpoch(
    int Epoch, long Step, double? TrainLoss, double? TrainAccuracy, double? TestLoss,
    double? TestAccuracy, double Seconds);

/// <summary>The last steps of every rank.</summary>
internal sealed record LiveTimeline(IReadOnlyList<LiveRank> Ranks);

/// <param name="Times">Of each step three numbers in tenths of a millisecond: computing,
/// communicating, waiting for others.</param>
internal sealed record LiveRank(
    int Rank, string Worker, IReadOnlyList<long> Steps, IReadOnlyList<int> Times);

/// <summary>Trials in columns, by number.</summary>
/// <param name="Version">What to ask for the changes since.</param>
/// <param name="Next">The number to go on with; null where this is the end.</param>
/// <param name="States">As indices into <paramref name="StateNames"/>.</param>
/// <param name="Jobs">Of the trials that run, by index here.</param>
/// <param name="Values">A column for each objective.</param>
/// <param name="Parameters">A column for each name; null where a trial has it not.</param>
/// <param name="Reasons">Where there are any, by index here.</param>
internal sealed record LiveTrials(
    long Version, int? Next, IReadOnlyList<int> Numbers, IReadOnlyList<string> StateNames,
    IReadOnlyList<int> States, IReadOnlyList<int> Epochs, IReadOnlyList<double> Seconds,
    IReadOnlyList<IReadOnlyList<double?>> Values, IReadOnlyList<LiveColumn> Parameters,
    IReadOnlyDictionary<int, string> Jobs, IReadOnlyDictionary<int, string> Reasons);

internal sealed record LiveColumn(string Name, IReadOnlyList<string?> Texts);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ShownText)])]
[JsonSerializable(typeof(LiveFrame))]
[JsonSerializable(typeof(LiveCurves))]
[JsonSerializable(typeof(LiveTimeline))]
[JsonSerializable(typeof(LiveTrials))]
internal sealed partial class LiveJson : JsonSerializerContext;
