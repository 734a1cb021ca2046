using Distributed.Cli.Bench.Report;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Cli.Bench.Step;

/// <summary>
/// `bench step`: images a second of whole training steps, ours and PyTorch in turn, with the loss
/// curves that show that all of them learn.
/// </summary>
internal sealed class StepBench(
    StepOptions options, BenchOutput output, CancellationToken cancellation)
{
    private const int TrialSteps = 40;
    private const int StepsMin = 40;
    private const int StepsMax = 100_000;

    private static readonly string[] Header =
    [
        "model", "workers", "batch", "program", "images/s", "p10", "p90", "ours/it", "first loss",
        "last loss",
    ];

    private readonly List<IReadOnlyList<string>> _rows = [];
    private readonly List<Plot> _plots = [];

    public async Task RunAsync()
    {
        IReadOnlyList<string> peers = Peers.Choose(
            options.Peers, options.IsOnCpu ? [Peers.PyTorch] : Peers.DeviceLoops, output.Note);
        string folder = Directory.CreateTempSubdirectory("distributed-bench-").FullName;
        try
        {
            foreach (string model in options.Models)
            {
                output.Progress($"{model}: drawing images");
                ImageShape shape = StepOptions.ShapeOf(model);
                DrawnDataset dataset = DrawnDataset.Write(
                    shape, Path.Combine(folder, model), trainCount: options.TrainCount(shape));
                foreach (int workers in options.Workers)
                    await MeasureAsync(model, workers, shape, dataset, peers, folder);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        output.Table("Training, images a second", Header, _rows);
        _plots.ForEach(output.Plot);
    }

    private async Task MeasureAsync(
        string model, int workers, ImageShape shape, DrawnDataset dataset,
        IReadOnlyList<string> peers, string folder)
    {
        IReadOnlyList<string> settings = options.Overrides(model, workers, dataset.Folder);
        RunSpec spec = RunSpecReader.Read("", "bench", settings);
        Network network = spec.CheckAgainst(
            new DatasetFacts(shape, DrawnDataset.ClassCount, dataset.TrainCount));
        var contenders = new List<IStepContender>();
        try
        {
            string place = Path.Combine(folder, $"{model}-{workers}");
            foreach (string ours in options.Ours.Where(ours => ours != "apart" || workers > 1))
                contenders.Add(await StartOursAsync(ours, settings, workers, place));
            foreach (bool isTuned in peers.Contains(Peers.PyTorch) ? new[] { false, true } : [])
            {
                contenders.Add(await PyTorchTraining.StartAsync(
                    options, spec, network, dataset, workers, isTuned, folder, cancellation));
            }

            foreach (string loop in peers.Where(peer => Peers.DeviceLoops.Contains(peer)))
            {
                if (await StartLoopAsync(loop, spec, network, dataset, folder) is { } contender)
                    contenders.Add(contender);
            }

            await MeasureAsync(model, workers, contenders);
        }
        finally
        {
            foreach (IStepContender contender in contenders)
                await contender.DisposeAsync();
        }
    }

    private async Task<IStepContender?> StartLoopAsync(
        string loop, RunSpec spec, Network network, DrawnDataset dataset, string folder)
    {
        output.Progress($"{spec.Model.Name}: {loop}, start");
        (PyTorchLoop? contender, string absence) = await PyTorchLoop.StartAsync(
            loop, spec, network, dataset, options, folder, cancellation);
        if (contender is null)
        {
            output.Note($"{loop} is left out: {absence}");
            output.Json(new
            {
                Model = spec.Model.Name,
                options.Batch,
                options.Device,
                options.Precision,
                Program = loop,
                Absent = absence,
            });
        }

        return contender;
    }

    private async Task<IStepContender> StartOursAsync(
        string ours, IReadOnlyList<string> settings, int workers, string folder)
    {
        int globalBatch = options.Batch * workers;
        folder = Path.Combine(folder, ours);
        switch (ours)
        {
            case "apart":
                string[] alone = [.. settings, $"globalBatch={options.Batch}"];
                return new OursApart(
                [
                    .. Enumerable.Range(0, workers).Select(worker => new OurTraining(
                        ours, alone, 1, options.Batch, Path.Combine(folder, $"{worker}"))),
                ]);
            case "fast":
                settings = [.. settings, "reduction=fast", $"logicalShards={workers}"];
                break;
        }

        OurCluster? cluster = null;
        if (options.Hosts.Count > 0)
        {
            Directory.CreateDirectory(folder);
            cluster = await OurCluster.StartAsync(options, folder, cancellation);
        }

        return new OurTraining(
            ours == "fast" ? "ours-fast" : "ours", settings, workers, globalBatch, folder, cluster);
    }

    private async Task MeasureAsync(
        string model, int workers, IReadOnlyList<IStepContender> contenders)
    {
        int globalBatch = options.Batch * workers;
        var steps = new int[contenders.Count];
        var trials = new StepRound[contenders.Count];
        var rounds = new List<StepRound>[contenders.Count];
        for (int index = 0; index < contenders.Count; index++)
        {
            output.Progress($"{model}, {workers} workers: {contenders[index].Name}, trial");
            trials[index] = await contenders[index].RunAsync(TrialSteps, cancellation);
            steps[index] = (int)Math.Clamp(
                options.Seconds * trials[index].ImagesPerSecond / globalBatch, StepsMin, StepsMax);
            rounds[index] = [];
        }

        for (int round = 0; round < options.Rounds; round++)
        {
            for (int index = 0; index < contenders.Count; index++)
            {
                output.Progress(
                    $"{model}, {workers} workers: {contenders[index].Name}, round {round + 1}");
                rounds[index].Add(await contenders[index].RunAsync(steps[index], cancellation));
            }
        }

        IReadOnlyList<double>[] losses =
        [
            .. contenders.Select((contender, index) => contender.BeginsAnew
                ? rounds[index][0].Losses
                : [.. rounds[index].Prepend(trials[index]).SelectMany(round => round.Losses)]),
        ];
        Show(model, workers, contenders, rounds, losses);
    }

    private void Show(
        string model, int workers, IReadOnlyList<IStepContender> contenders,
        IReadOnlyList<List<StepRound>> rounds, IReadOnlyList<IReadOnlyList<double>> losses)
    {
        const int few = 10;
        Spread[] spreads =
        [
            .. rounds.Select(each => Spread.Of(each.Select(round => round.ImagesPerSecond))),
        ];
        for (int index = 0; index < contenders.Count; index++)
        {
            Spread spread = spreads[index];
            double ratio = spreads[0].Median / spread.Median;
            double first = losses[index].Take(few).Average();
            double last = losses[index].TakeLast(few).Average();
            _rows.Add(
            [
                model, $"{workers}", $"{options.Batch}", contenders[index].Name,
                Number.Of(spread.Median), Number.Of(spread.P10), Number.Of(spread.P90),
                Number.Of(ratio), Number.Of(first), Number.Of(last),
            ]);
            output.Json(new
            {
                Model = model,
                Workers = workers,
                options.Batch,
                options.Device,
                options.Precision,
                Program = contenders[index].Name,
                ImagesPerSecond = Number.Round(spread.Median),
                ImagesPerSecondP10 = Number.Round(spread.P10),
                ImagesPerSecondP90 = Number.Round(spread.P90),
                OursRatio = Number.Round(ratio),
                FirstLoss = Number.Round(first),
                LastLoss = Number.Round(last),
            });
        }

        _plots.Add(new Plot(
            $"Loss of {model}, {workers} workers", "step", "loss",
            [
                .. contenders.Select((contender, index) => new Series(
                    contender.Name, Curve(losses[index]))),
            ]));
    }

    /// <summary>Means of some steps each: a curve of a hundred points at most.</summary>
    private static IReadOnlyList<PlotPoint> Curve(IReadOnlyList<double> losses)
    {
        const int pointsMax = 100;
        int size = (losses.Count + pointsMax - 1) / pointsMax;
        return
        [
            .. losses.Chunk(size).Select((chunk, index) =>
                PlotPoint.Exactly(index * size + chunk.Length, chunk.Average())),
        ];
    }
}
