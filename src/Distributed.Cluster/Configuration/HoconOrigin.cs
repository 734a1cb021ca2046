namespace Distributed.Cluster.Configuration;

/// <summary>
/// Where a value was written: a file (or <c>--set KEY</c>, or an environment variable), and the
/// line and column in it, both counted from one.
/// </summary>
public readonly record struct HoconOrigin(string Source, int Line, int Column)
{
    public override string ToString() => $"{Source}:{Line}:{Column}";
}
