namespace Distributed.Collectives.Transport;

/// <summary>
/// A frame was not the one that its receiver expected, and nothing of it was used.
/// </summary>
public sealed class FrameRefusedException(
    int fromRank, int toRank, string field, string expected, string got)
    : Exception(
        $"rank {toRank} refused a frame of rank {fromRank}: {field} is {got}, expected {expected}")
{
    public int FromRank { get; } = fromRank;

    public int ToRank { get; } = toRank;

    /// <summary>
    /// The name of the field that differs: a header's field, "payload bytes", "checksum".
    /// </summary>
    public string Field { get; } = field;

    public string Expected { get; } = expected;

    public string Got { get; } = got;
}
