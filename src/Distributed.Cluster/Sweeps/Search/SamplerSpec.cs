namespace Distributed.Cluster.Sweeps.Search;

/// <summary>Which sampler, with its settings.</summary>
public abstract record SamplerSpec;

/// <summary>Every combination of choices and steps, once.</summary>
public sealed record GridSpec : SamplerSpec;

public sealed record RandomSpec : SamplerSpec;

/// <summary>A scrambled Sobol sequence: spreads evenly over the space.</summary>
public sealed record SobolSpec : SamplerSpec;

/// <summary>
/// The tree-structured Parzen estimator: Bergstra et al., Algorithms for Hyper-Parameter
/// Optimization, 2011.
/// </summary>
/// <param name="StartTrials">So many are drawn at random first.</param>
/// <param name="Candidates">Of so many the best is taken.</param>
public sealed record TpeSpec(int StartTrials = 10, int Candidates = 24) : SamplerSpec;

/// <summary>The covariance matrix adaptation evolution strategy, over numbers only.</summary>
/// <param name="Population">A generation's size; 0 takes the usual 4 + ⌊3 ln n⌋.</param>
public sealed record CmaEsSpec(int Population = 0) : SamplerSpec;
