namespace Distributed.Training.Data;

/// <summary>What the catalog knows about a dataset, for a listing.</summary>
/// <param name="Folder">Where it is, or would be, in the cache.</param>
/// <param name="Source">Client, package and version it came from; null when it is not
/// cached.</param>
/// <param name="Bytes">Size of its files in the cache.</param>
/// <param name="Problem">Why a cached dataset cannot be used, in one line; null when it
/// can.</param>
public sealed record DatasetStatus(
    string Name, string Description, string Folder, bool IsCached, string? Source,
    ImageShape? Shape, int ClassCount, int TrainCount, int TestCount, long Bytes, string? Problem);
