namespace Distributed.Collectives.Reduction;

/// <summary>
/// The logical shards from <paramref name="First"/> up to, not including, <paramref name="End"/>.
/// </summary>
public readonly record struct ShardRange(int First, int End)
{
    public int Count => End - First;

    public override string ToString() => $"[{First}, {End})";
}
