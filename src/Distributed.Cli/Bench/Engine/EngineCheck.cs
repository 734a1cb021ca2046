using Distributed.Kernel;

namespace Distributed.Cli.Bench.Engine;

/// <summary>How far a device's numbers are from the reference's.</summary>
/// <param name="Difference">The norm of the difference, in parts of the reference's; of bits, how
/// many numbers differ.</param>
internal sealed record EngineCheck(double Difference, double Limit)
{
    public const string Half = "bf16";

    /// <summary>
    /// Float32 lands below its limits, and a wrong kernel far above; what steps change is little
    /// beside the parameters, whose rounding shows in it. Bfloat16 has eight bits and rounds at
    /// every layer, which the gradients of deep networks show most.
    /// </summary>
    private const double SingleLimit = 1e-3;
    private const double SingleGradientLimit = 5e-2;
    private const double HalfLimit = 0.1;
    private const double HalfGradientLimit = 0.4;

    /// <summary>A difference that is not a number is not within any limit.</summary>
    public bool IsOk => Difference <= Limit;

    public static EngineCheck Of(string precision, EngineSection section, EngineSection? expected)
    {
        if (section.BitsDiffering is { } differing)
            return new EngineCheck(differing, 0);
        if (expected is null || expected.Values.Count != section.Values.Count)
            throw new InvariantException($"the reference has no {section.Name} of that length");
        double limit = (precision, section.IsOfGradients) switch
        {
            (Half, true) => HalfGradientLimit,
            (Half, false) => HalfLimit,
            (_, true) => SingleGradientLimit,
            _ => SingleLimit,
        };
        double difference = Norm(section.Values.Zip(expected.Values, (a, b) => a - b));
        return new EngineCheck(Number.Round(difference / Norm(expected.Values)), limit);
    }

    private static double Norm(IEnumerable<double> values) =>
        Math.Sqrt(values.Sum(value => value * value));
}
