namespace Distributed.Collectives.Reduction;

/// <summary>Which consecutive buckets are reduced as one.</summary>
/// <param name="Ends">Of each group, the bucket after its last.</param>
/// <param name="Reason">Why, for people.</param>
public sealed record BucketGrouping(IReadOnlyList<int> Ends, string Reason);
