namespace Distributed.Telemetry;

/// <summary>What one event file holds.</summary>
/// <param name="StartStep">Of what earlier files hold, nothing from this step on is valid any more;
/// null where all of it is.</param>
public sealed record EventFile(
    long? StartStep, IReadOnlyList<ScalarValue> Scalars, IReadOnlyList<TextValue> Texts,
    IReadOnlyList<HParamsValue> HParams, IReadOnlyList<ShownValue> Shown, bool HasGraph);

public readonly record struct ScalarValue(
    string Tag, long Step, float Value, DateTimeOffset At);

public readonly record struct TextValue(
    string Tag, long Step, string Text, DateTimeOffset At);

/// <summary>A value that is looked at, such as a picture.</summary>
/// <param name="Tag">The value's.</param>
/// <param name="Step">The value's.</param>
/// <param name="Kind">images, histograms, or the name of another plugin of TensorBoard's.</param>
/// <param name="At">When it was written.</param>
public readonly record struct ShownValue(
    string Tag, long Step, string Kind, DateTimeOffset At);

/// <param name="Content">A serialized HParamsPluginData.</param>
public readonly record struct HParamsValue(
    string Tag, long Step, ReadOnlyMemory<byte> Content, DateTimeOffset At);
