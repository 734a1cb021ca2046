using System.Diagnostics;
using Distributed.Cli.Bench.Report;

namespace Distributed.Cli.Bench.AllReduce;

/// <summary>
/// `bench allreduce`: ours and the peers in turn, round by round, so that what else happens on the
/// machine happens to all of them.
/// </summary>
internal sealed class AllReduceBench(
    AllReduceOptions options, BenchOutput output, CancellationToken cancellation)
{
    /// <summary>What a contender's part of a round should take.</summary>
    private const double PartMs = 200;

    private const int IterationsMin = 3;
    private const int IterationsMax = 1000;

    private const int WarmUpIterations = 50;
    private const long WarmUpBytes = 64 * 1024;

    /// <summary>
    /// A method is compiled for good after many calls and some time, in the background.
    /// </summary>
    private static readonly TimeSpan WarmUpTime = TimeSpan.FromSeconds(1);

    private readonly List<AllReduceFigure> _figures = [];

    public async Task RunAsync()
    {
        string[] known = options.Hosts.Count > 0 ? [Peers.Gloo] : [Peers.Gloo, Peers.OpenMpi];
        IReadOnlyList<string> peers = Peers.Choose(options.Peers, known, output.Note);
        foreach (string transport in options.Transports)
            foreach (string reduction in options.Reductions)
                foreach (int ranks in options.Ranks)
                    await MeasureAsync(transport, reduction, ranks, peers);
        output.Table(
            "All-reduce, float32, milliseconds", AllReduceFigure.Header,
            [.. _figures.Select(figure => figure.ToRow())]);
        foreach (Plot plot in AllReducePlots.Of(_figures))
            output.Plot(plot);
    }

    private async Task MeasureAsync(
        string transport, string reduction, int ranks, IReadOnlyList<string> peers)
    {
        output.Progress($"{transport}, {ranks} ranks, {reduction}: starting");
        var contenders = new List<RankGroup>();
        try
        {
            contenders.Add(await RankGroup.StartOursAsync(
                options, transport, ranks, reduction, cancellation));
            foreach (string peer in peers)
            {
                contenders.Add(peer == Peers.Gloo
                    ? await RankGroup.StartGlooAsync(options, ranks, cancellation)
                    : await RankGroup.StartOpenMpiAsync(options, transport, ranks, cancellation));
            }

            foreach (RankGroup contender in contenders)
                await WarmUpAsync(contender);
            foreach (long bytes in options.Sizes)
            {
                output.Progress(
                    $"{transport}, {ranks} ranks, {reduction}: {ByteSizes.Format(bytes)}");
                Spread[] spreads = await MeasureSizeAsync(contenders, bytes);
                foreach (AllReduceFigure figure in FiguresOf(spreads))
                {
                    _figures.Add(figure);
                    output.Json(figure.ToJson());
                }

                IEnumerable<AllReduceFigure> FiguresOf(Spread[] all) => peers.Count == 0
                    ? [new(transport, ranks, bytes, reduction, all[0], null, null)]
                    : peers.Select((peer, index) => new AllReduceFigure(
                        transport, ranks, bytes, reduction, all[0], peer, all[index + 1]));
            }
        }
        finally
        {
            await Task.WhenAll(contenders.Select(group => group.DisposeAsync().AsTask()));
        }
    }

    private async Task WarmUpAsync(RankGroup contender)
    {
        long bytes = Math.Min(WarmUpBytes, options.Sizes.Max());
        long started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < WarmUpTime)
            await contender.RunAsync(bytes, WarmUpIterations, cancellation);
    }

    private async Task<Spread[]> MeasureSizeAsync(IReadOnlyList<RankGroup> contenders, long bytes)
    {
        var iterations = new int[contenders.Count];
        for (int index = 0; index < contenders.Count; index++)
        {
            // The first one touches memory for the first time.
            double[] trial = await contenders[index].RunAsync(
                bytes, IterationsMin, cancellation);
            iterations[index] = (int)Math.Clamp(
                PartMs / trial[^1], IterationsMin, IterationsMax);
        }

        List<double>[] samples = [.. contenders.Select(_ => new List<double>())];
        for (int round = 0; round < options.Rounds; round++)
        {
            for (int index = 0; index < contenders.Count; index++)
            {
                samples[index].AddRange(await contenders[index].RunAsync(
                    bytes, iterations[index], cancellation));
            }
        }

        return [.. samples.Select(Spread.Of)];
    }
}
