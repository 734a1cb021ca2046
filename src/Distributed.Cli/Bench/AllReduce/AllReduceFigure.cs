namespace Distributed.Cli.Bench.AllReduce;

/// <summary>One point of the comparison: ours, and a peer's measured in turn with it.</summary>
internal sealed record AllReduceFigure(
    string Transport, int Ranks, long Bytes, string Reduction, Spread OursMs, string? Peer,
    Spread? PeerMs)
{
    private const double BytesPerGb = 1e9;

    /// <summary>The bytes that were reduced in a second.</summary>
    public double AlgorithmGbps => Bytes / BytesPerGb / (OursMs.Median / 1e3);

    /// <summary>What every rank must send at least, in a second.</summary>
    public double BusGbps => BusFactor * AlgorithmGbps;

    /// <summary>How often faster than the peer; above 1 is better.</summary>
    public double? Ratio => PeerMs?.Median / OursMs.Median;

    private double BusFactor => 2.0 * (Ranks - 1) / Ranks;

    /// <summary>As `--json` prints it.</summary>
    public object ToJson() => new
    {
        Transport,
        Ranks,
        Bytes,
        Reduction,
        MedianMs = Number.Round(OursMs.Median),
        P10Ms = Number.Round(OursMs.P10),
        P90Ms = Number.Round(OursMs.P90),
        AlgbwGbps = Number.Round(AlgorithmGbps),
        BusbwGbps = Number.Round(BusGbps),
        Peer,
        PeerMedianMs = Rounded(PeerMs?.Median),
        PeerP10Ms = Rounded(PeerMs?.P10),
        PeerP90Ms = Rounded(PeerMs?.P90),
        PeerBusbwGbps = Rounded(PeerMs is { } peer
            ? BusFactor * Bytes / BytesPerGb / (peer.Median / 1e3)
            : null),
        Ratio = Rounded(Ratio),
    };

    public IReadOnlyList<string> ToRow() =>
    [
        Transport, $"{Ranks}", ByteSizes.Format(Bytes), Reduction, Number.Of(OursMs.Median),
        Number.Of(OursMs.P10), Number.Of(OursMs.P90), Number.Of(BusGbps), Peer ?? "–",
        Text(PeerMs?.Median), Text(PeerMs?.P10), Text(PeerMs?.P90), Text(Ratio),
    ];

    public static IReadOnlyList<string> Header { get; } =
    [
        "transport", "ranks", "bytes", "reduction", "ms", "p10", "p90", "bus GB/s", "peer",
        "peer ms", "p10", "p90", "ratio",
    ];

    private static double? Rounded(double? value) =>
        value is { } known ? Number.Round(known) : null;

    private static string Text(double? value) => value is { } known ? Number.Of(known) : "–";
}
