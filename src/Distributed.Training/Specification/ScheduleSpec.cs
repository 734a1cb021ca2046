namespace Distributed.Training.Specification;

/// <summary>
/// How the learning rate moves, as factors of the optimizer's rate. What a kind does not use holds
/// its neutral value.
/// </summary>
/// <param name="WarmupSteps">The rate rises linearly over so many steps (all but oneCycle).</param>
/// <param name="WarmupEpochs">The same in epochs; at most one of the two is above 0.</param>
/// <param name="StepEpochs">step: the rate is multiplied by gamma every so many epochs.</param>
/// <param name="InitialFraction">oneCycle: the factor at the first step.</param>
/// <param name="RiseFraction">oneCycle: the share of all steps over which the rate rises.</param>
/// <param name="FinalFraction">cosine, oneCycle: the factor that the end approaches.</param>
public sealed record ScheduleSpec(
    ScheduleKind Kind, int WarmupSteps, double WarmupEpochs, int StepEpochs, double Gamma,
    double InitialFraction, double RiseFraction, double FinalFraction)
{
    private static readonly ScheduleSpec Neutral =
        new(ScheduleKind.Constant, 0, 0, 1, 1, 1, 0, 1);

    public static ScheduleSpec Constant { get; } = Neutral;

    public static ScheduleSpec Step(int stepEpochs, double gamma) =>
        Neutral with { Kind = ScheduleKind.Step, StepEpochs = stepEpochs, Gamma = gamma };

    public static ScheduleSpec Cosine(double finalFraction = 0) =>
        Neutral with { Kind = ScheduleKind.Cosine, FinalFraction = finalFraction };

    public static ScheduleSpec OneCycle(
        double initialFraction = 0.04, double riseFraction = 0.3, double finalFraction = 0) =>
        Neutral with
        {
            Kind = ScheduleKind.OneCycle,
            InitialFraction = initialFraction,
            RiseFraction = riseFraction,
            FinalFraction = finalFraction,
        };

    /// <summary>What a run gets that names a kind and nothing more.</summary>
    internal static ScheduleSpec DefaultOf(ScheduleKind kind) => kind switch
    {
        ScheduleKind.Constant => Constant,
        ScheduleKind.Step => Step(stepEpochs: 1, gamma: 0.7),
        ScheduleKind.Cosine => Cosine(),
        _ => OneCycle(),
    };
}
