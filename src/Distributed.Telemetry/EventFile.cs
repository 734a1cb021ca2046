namespace Distributed.Telemetry;

/// <summary>What one event file holds.</summary>
/// <param name="StartStep">Of what earlier files hold, nothing from this step on is valid any more;
/// null where all of it is.</param>
public sealed record EventFile(
    long? StartStep, IReadOnlyList<ScalarValue> Scalars, IReadOnlyList<TextValue> Texts,
    IReadOnlyList<HParamsValue> HParams);

public readonly record struct ScalarValue(
    string Tag, long Step, float Value, DateTimeOffset At);

public readonly record struct TextValue(
    string Tag, long Step, string Text, DateTimeOffset At);

/// <param name="Content">A serialized HParamsPluginData.</param>
public readonly record struct HParamsValue(
    string Tag, long Step, ReadOnlyMemory<byte> Content, DateTimeOffset At);
