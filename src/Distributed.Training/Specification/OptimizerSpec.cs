using Distributed.Torch;

namespace Distributed.Training.Specification;

/// <summary>
/// The optimizer with PyTorch's meanings. What a kind does not use holds its neutral value: no
/// momentum for Adam and AdamW, and the default betas and epsilon for SGD.
/// </summary>
public sealed record OptimizerSpec(
    OptimizerKind Kind, double LearningRate, double Momentum, bool Nesterov, double WeightDecay,
    double Beta1, double Beta2, double Epsilon)
{
    private const double Beta1Default = 0.9;
    private const double Beta2Default = 0.999;
    private const double EpsilonDefault = 1e-8;

    public static OptimizerSpec Sgd(
        double learningRate, double momentum = 0, bool nesterov = false, double weightDecay = 0) =>
        new(OptimizerKind.Sgd, learningRate, momentum, nesterov, weightDecay, Beta1Default,
            Beta2Default, EpsilonDefault);

    public static OptimizerSpec Adam(double learningRate, double weightDecay = 0) =>
        new(OptimizerKind.Adam, learningRate, 0, false, weightDecay, Beta1Default, Beta2Default,
            EpsilonDefault);

    public static OptimizerSpec AdamW(double learningRate, double weightDecay = 0.01) =>
        Adam(learningRate, weightDecay) with { Kind = OptimizerKind.AdamW };

    /// <summary>What a run gets that names a kind and nothing more.</summary>
    internal static OptimizerSpec DefaultOf(OptimizerKind kind) => kind switch
    {
        OptimizerKind.Sgd => Sgd(0.01, momentum: 0.9, nesterov: true),
        OptimizerKind.Adam => Adam(1e-3),
        _ => AdamW(1e-3),
    };

    /// <summary>
    /// The settings of the fused step; the learning rate comes from the schedule.
    /// </summary>
    public OptimizerSettings ToEngineSettings() =>
        new(Kind, Momentum, Nesterov, WeightDecay, Beta1, Beta2, Epsilon);
}
