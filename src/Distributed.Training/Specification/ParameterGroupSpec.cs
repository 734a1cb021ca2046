namespace Distributed.Training.Specification;

/// <summary>The kinds of parameters that can have settings of their own.</summary>
public enum ParameterKind
{
    /// <summary>The weights of convolutions.</summary>
    Filters,

    /// <summary>The weights of linear layers.</summary>
    Linear,

    /// <summary>What convolutions and linear layers add.</summary>
    Biases,

    /// <summary>The scales and biases of batch norms.</summary>
    Norms,
}

/// <summary>Settings of one kind of parameters, in place of the optimizer's.</summary>
/// <param name="RateFactor">Multiplies the learning rate.</param>
/// <param name="Momentum">0 for Adam and AdamW, which have none.</param>
public sealed record ParameterGroupSpec(
    ParameterKind Parameters, double RateFactor, double Momentum, double WeightDecay);
