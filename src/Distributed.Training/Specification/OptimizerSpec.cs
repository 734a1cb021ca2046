using Distributed.Torch;

namespace Distributed.Training.Specification;

/// <summary>
/// The optimizer with PyTorch's meanings. What a kind does not use holds its neutral value: no
/// momentum for Adam and AdamW, and the default betas and epsilon for SGD. Muon's rate and momentum
/// are for the filters of convolutions, which know no decay; all else is SGD's.
/// </summary>
public sealed record OptimizerSpec(
    OptimizerKind Kind, double LearningRate, double Momentum, bool Nesterov, double WeightDecay,
    double Beta1, double Beta2, double Epsilon)
{
    private const double Beta1Default = 0.9;
    private const double Beta2Default = 0.999;
    private const double EpsilonDefault = 1e-8;

    /// <summary>Muon's: how often a direction is brought nearer to an orthogonal one.</summary>
    public int NewtonSchulzSteps { get; init; }

    /// <summary>
    /// Parameters with settings of their own, each kind once, in the kinds' order.
    /// </summary>
    public ValueList<ParameterGroupSpec> Groups { get; init; } = [];

    /// <summary>Null: none.</summary>
    public LookaheadSpec? Lookahead { get; init; }

    public static OptimizerSpec Sgd(
        double learningRate, double momentum = 0, bool nesterov = false, double weightDecay = 0) =>
        new(OptimizerKind.Sgd, learningRate, momentum, nesterov, weightDecay, Beta1Default,
            Beta2Default, EpsilonDefault);

    public static OptimizerSpec Adam(double learningRate, double weightDecay = 0) =>
        new(OptimizerKind.Adam, learningRate, 0, false, weightDecay, Beta1Default, Beta2Default,
            EpsilonDefault);

    public static OptimizerSpec AdamW(double learningRate, double weightDecay = 0.01) =>
        Adam(learningRate, weightDecay) with { Kind = OptimizerKind.AdamW };

    public static OptimizerSpec Muon(
        double learningRate, double momentum, bool nesterov, int newtonSchulzSteps,
        double weightDecay = 0) =>
        Sgd(learningRate, momentum, nesterov, weightDecay) with
        {
            Kind = OptimizerKind.Muon,
            NewtonSchulzSteps = newtonSchulzSteps,
        };

    /// <summary>What a run gets that names a kind and nothing more.</summary>
    internal static OptimizerSpec DefaultOf(OptimizerKind kind) => kind switch
    {
        OptimizerKind.Sgd => Sgd(0.01, momentum: 0.9, nesterov: true),
        OptimizerKind.Adam => Adam(1e-3),
        OptimizerKind.Muon => Muon(0.02, momentum: 0.95, nesterov: true, newtonSchulzSteps: 5),
        _ => AdamW(1e-3),
    };

    /// <summary>What parameters of a kind get, where they have no settings of their own.</summary>
    public ParameterGroupSpec GroupOf(ParameterKind kind) =>
        Groups.FirstOrDefault(group => group.Parameters == kind)
            ?? new ParameterGroupSpec(kind, 1, Momentum, WeightDecay);

    /// <summary>
    /// The settings of the fused step for parameters of a kind; the learning rate comes from the
    /// schedule.
    /// </summary>
    public OptimizerSettings ToEngineSettings(ParameterKind parameters)
    {
        var group = GroupOf(parameters);
        var kind = Kind == OptimizerKind.Muon && parameters != ParameterKind.Filters
            ? OptimizerKind.Sgd
            : Kind;
        return new(
            kind, group.Momentum, Nesterov && group.Momentum > 0, group.WeightDecay, Beta1, Beta2,
            Epsilon, NewtonSchulzSteps);
    }
}
