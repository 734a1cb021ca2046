namespace Distributed.Cli.Bench.AllReduce;

/// <summary>The flags of `bench allreduce`.</summary>
/// <param name="Peers">Null: all that are installed.</param>
/// <param name="Hosts">
/// host:port of each rank where they are not all processes beside this one; empty otherwise.
/// </param>
/// <param name="Launcher">
/// Words in front of each rank's own, with {rank} for its number; empty starts it here.
/// </param>
internal sealed record AllReduceOptions(
    IReadOnlyList<string> Transports, IReadOnlyList<int> Ranks, IReadOnlyList<long> Sizes,
    IReadOnlyList<string> Reductions, int Rounds, IReadOnlyList<string>? Peers,
    IReadOnlyList<string> Hosts, string Launcher)
{
    public static IReadOnlyList<string> TransportNames { get; } = ["shm", "grpc"];

    public static IReadOnlyList<string> ReductionNames { get; } = ["exact", "fast"];

    /// <summary>Memory is lent in pieces of at most 2 GiB.</summary>
    public const long BytesMax = 1L << 30;

    public const int RanksMax = 64;
}
