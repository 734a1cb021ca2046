using Distributed.Cluster.Sweeps.Search;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>A dimension, and where it was written.</summary>
/// <param name="Key">The key of the run spec that it gets into.</param>
/// <param name="Options">Of a choice, in its order; they know where they were written.</param>
internal sealed record PlacedDimension(
    Dimension Dimension, string Key, string Where, IReadOnlyList<SpecNode> Options)
{
    public string Name => Dimension.Name;
}

/// <summary>A binding as a tree, and where it was written.</summary>
/// <param name="When">All of them hold where it sets something.</param>
internal sealed record PlacedBinding(
    string Key, string Where, SpecNode Template, IReadOnlyList<Condition> When);

/// <summary>What varies, with all that messages need.</summary>
/// <param name="Dimensions">In the space's order.</param>
/// <param name="Bindings">In the order in which they are to be applied.</param>
internal sealed record PlacedSpace(
    IReadOnlyList<PlacedDimension> Dimensions, IReadOnlyList<PlacedBinding> Bindings)
{
    public SearchSpace Space => new([.. Dimensions.Select(placed => placed.Dimension)]);
}
