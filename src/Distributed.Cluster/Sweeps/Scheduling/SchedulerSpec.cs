namespace Distributed.Cluster.Sweeps.Scheduling;

/// <summary>Which scheduler, with its settings.</summary>
public abstract record SchedulerSpec;

/// <summary>Every trial runs to its end.</summary>
public sealed record NoSchedulerSpec : SchedulerSpec;

/// <summary>
/// Stops a trial whose loss is worse than the median of the others' at the same epoch.
/// </summary>
/// <param name="EveryEpochs">How often it judges.</param>
/// <param name="GraceEpochs">No trial is stopped before.</param>
/// <param name="TrialsMin">With fewer others nobody is stopped.</param>
public sealed record MedianSpec(int EveryEpochs = 1, int GraceEpochs = 1, int TrialsMin = 5)
    : SchedulerSpec;

/// <summary>
/// Asynchronous successive halving, in the form that stops trials: Li et al., A System for
/// Massively Parallel Hyperparameter Tuning, 2020.
/// </summary>
/// <param name="Divisor">One in so many goes on from a rung.</param>
/// <param name="RungsMax">At most so many rungs, the last epoch included.</param>
/// <param name="Brackets">With more than one (Hyperband: Li et al., 2018), bracket b lacks the b
/// lowest rungs.</param>
public sealed record AshaSpec(int Divisor = 4, int RungsMax = 5, int Brackets = 1)
    : SchedulerSpec;

/// <summary>
/// Population-based training: at each interval the worst take over a state of the best and change
/// its parameters a little. Jaderberg et al., 2017.
/// </summary>
/// <param name="EveryEpochs">The interval.</param>
/// <param name="Quantile">The share that is replaced, and the share that is copied.</param>
/// <param name="Resample">The probability with which a parameter is drawn anew instead.</param>
public sealed record PbtSpec(int EveryEpochs, double Quantile = 0.25, double Resample = 0.25)
    : SchedulerSpec;
