using ProtobufValue = Google.Protobuf.WellKnownTypes.Value;

namespace Distributed.Telemetry;

/// <summary>The value of a hyper-parameter, of one of TensorBoard's three types.</summary>
public abstract record HParamValue
{
    private HParamValue()
    {
    }

    public sealed record Text(string Value) : HParamValue;

    public sealed record Flag(bool Value) : HParamValue;

    /// <summary>Integers too: TensorBoard has no type of their own for them.</summary>
    public sealed record Number(double Value) : HParamValue;

    /// <summary>Null for what TensorBoard cannot show, since JSON has it not: NaN and the
    /// infinities.</summary>
    internal ProtobufValue? ToWire() => this switch
    {
        Text text => ProtobufValue.ForString(text.Value),
        Flag flag => ProtobufValue.ForBool(flag.Value),
        Number number when double.IsFinite(number.Value) =>
            ProtobufValue.ForNumber(number.Value),
        _ => null,
    };
}
