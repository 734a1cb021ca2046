using Distributed.Cli.Bench.Report;

namespace Distributed.Cli.Bench.AllReduce;

/// <summary>A plot for each transport and number of ranks: time over sizes.</summary>
internal static class AllReducePlots
{
    public static IEnumerable<Plot> Of(IReadOnlyList<AllReduceFigure> figures) =>
        from figure in figures
        group figure by (figure.Transport, figure.Ranks) into place
        select new Plot(
            $"All-reduce over {place.Key.Transport}, {place.Key.Ranks} ranks", "bytes",
            "milliseconds", [.. Ours(place), .. PeersOf(place)], IsXLog: true, IsYLog: true,
            FormatX: value => ByteSizes.Format((long)Math.Round(value)));

    private static IEnumerable<Series> Ours(IEnumerable<AllReduceFigure> figures) =>
        from figure in figures
        group figure by figure.Reduction into same
        select new Series(
            $"ours, {same.Key}",
            [
                .. same.DistinctBy(figure => figure.Bytes).Select(
                    figure => PlotPoint.Of(figure.Bytes, figure.OursMs)),
            ]);

    private static IEnumerable<Series> PeersOf(IEnumerable<AllReduceFigure> figures) =>
        from figure in figures
        where figure.PeerMs is not null
        group figure by figure.Peer into same
        select new Series(
            same.Key!,
            [
                .. same.DistinctBy(figure => figure.Bytes).Select(
                    figure => PlotPoint.Of(figure.Bytes, figure.PeerMs!.Value)),
            ]);
}
