namespace Distributed.Torch;

/// <summary>Neighbours in the flat parameters that a trainer's optimizer changes alike.</summary>
/// <param name="Rows">Filters, where the optimizer takes them as a matrix; else 0.</param>
/// <param name="LastStep">Later steps leave it as it is.</param>
/// <param name="RateFactor">Multiplies the learning rate.</param>
public readonly record struct TrainerStretch(
    long Offset, long Length, long Rows, long LastStep, double RateFactor,
    OptimizerSettings Settings);

/// <summary>What an update is given besides gradients.</summary>
/// <param name="Step">Counted from 1.</param>
/// <param name="LookaheadShare">How far the slow copy goes towards the parameters, which then
/// become it; 0 leaves both.</param>
/// <param name="TakesSlow">Whether the parameters become the slow copy after that.</param>
public readonly record struct TrainerUpdate(
    double LearningRate, long Step, double LookaheadShare = 0, bool TakesSlow = false);
