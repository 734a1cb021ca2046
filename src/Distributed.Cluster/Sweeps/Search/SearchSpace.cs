namespace Distributed.Cluster.Sweeps.Search;

/// <summary>
/// What a sweep varies. A dimension comes after the one that its condition names, so that drawing
/// them in order always knows whether the next one is there.
/// </summary>
public sealed record SearchSpace(IReadOnlyList<Dimension> Dimensions);

/// <summary>One thing that varies.</summary>
/// <param name="Name">Unique in the space.</param>
/// <param name="When">All of them must hold; without any it is always there.</param>
public abstract record Dimension(string Name, IReadOnlyList<Condition> When);

/// <summary>Holds where that choice took one of these options.</summary>
/// <param name="Dimension">The name of a <see cref="ChoiceDimension"/> before.</param>
/// <param name="Options">Texts of its options.</param>
public sealed record Condition(string Dimension, IReadOnlyList<string> Options);

/// <summary>One of several options without an order.</summary>
/// <param name="Options">Two or more different YAML texts.</param>
public sealed record ChoiceDimension(
    string Name, IReadOnlyList<Condition> When, IReadOnlyList<string> Options)
    : Dimension(Name, When);

/// <summary>A whole number: Low, Low + Step, … up to High.</summary>
/// <param name="IsLogarithmic">Drawn evenly over its logarithm; then Low is above 0.</param>
public sealed record IntegerDimension(
    string Name, IReadOnlyList<Condition> When, long Low, long High, long Step, bool IsLogarithmic)
    : Dimension(Name, When);

/// <summary>A number from Low to High.</summary>
/// <param name="Step">Where not null, only Low, Low + Step, … are drawn.</param>
/// <param name="IsLogarithmic">Drawn evenly over its logarithm; then Low is above 0.</param>
public sealed record RealDimension(
    string Name, IReadOnlyList<Condition> When, double Low, double High, double? Step,
    bool IsLogarithmic) : Dimension(Name, When);
