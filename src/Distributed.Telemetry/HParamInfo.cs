using Distributed.Telemetry.Wire.HParams;
using Google.Protobuf.WellKnownTypes;

namespace Distributed.Telemetry;

/// <summary>TensorBoard's types of hyper-parameters.</summary>
public enum HParamType
{
    Text,
    Flag,
    Number,
}

/// <summary>Which values a hyper-parameter may have.</summary>
public abstract record HParamDomain
{
    private HParamDomain()
    {
    }

    /// <summary>One of these.</summary>
    public sealed record Discrete(IReadOnlyList<HParamValue> Values) : HParamDomain;

    /// <summary>A number from one to the other, both included.</summary>
    public sealed record Interval(double Min, double Max) : HParamDomain;
}

/// <summary>A column of TensorBoard's table of hyper-parameters.</summary>
/// <param name="Name">As in the values of the trials.</param>
/// <param name="Type">Of all its values.</param>
/// <param name="Domain">Null where it is not known.</param>
public sealed record HParamInfo(string Name, HParamType Type, HParamDomain? Domain = null)
{
    internal Wire.HParams.HParamInfo ToWire()
    {
        var info = new Wire.HParams.HParamInfo
        {
            Name = Name,
            Type = Type switch
            {
                HParamType.Text => DataType.String,
                HParamType.Flag => DataType.Bool,
                _ => DataType.Float64,
            },
        };
        switch (Domain)
        {
            case HParamDomain.Discrete discrete:
                info.DomainDiscrete = new ListValue();
                info.DomainDiscrete.Values.AddRange(
                    discrete.Values.Select(value => value.ToWire()).OfType<Value>());
                break;
            // An interval without an end is none that TensorBoard can show.
            case HParamDomain.Interval interval
                when double.IsFinite(interval.Min) && double.IsFinite(interval.Max):
                info.DomainInterval = new Interval
                {
                    MinValue = interval.Min,
                    MaxValue = interval.Max,
                };
                break;
        }
        return info;
    }
}
