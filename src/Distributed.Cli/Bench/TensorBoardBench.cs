using System.Text.Json;
using Distributed.Cli.Bench.Step;
using Distributed.Telemetry;
using Distributed.Training.Data;

namespace Distributed.Cli.Bench;

/// <summary>
/// `bench tensorboard`: what it costs to show a run in full. Runs of the course's network that show
/// everything and runs that show curves alone take turns; each round compares two neighbours, by
/// the images that they trained on a second and by the processor time of all their processes.
/// </summary>
internal sealed class TensorBoardBench(
    int workers, int epochs, IReadOnlyList<string> settings, BenchOutput output,
    CancellationToken cancellation)
{
    private const string Full = "full";
    private const string Scalars = "scalars";

    /// <summary>A tenth of the training images, as in the course's datasets.</summary>
    private const int TestPerClass = DrawnDataset.TrainCountDefault / DrawnDataset.ClassCount / 10;

    public async Task RunAsync(int rounds)
    {
        var table = new FigureTable(output, "Showing a run in TensorBoard");
        var runs = new Dictionary<string, List<TrainedRun>> { [Full] = [], [Scalars] = [] };
        string folder = Directory.CreateTempSubdirectory("distributed-bench-").FullName;
        try
        {
            output.Progress("drawing images");
            DrawnDataset dataset = DrawnDataset.Write(
                new ImageShape(1, 28, 28), Path.Combine(folder, "images"), TestPerClass);
            for (int round = 0; round < rounds; round++)
            {
                // Whoever comes second in a round comes first in the next.
                string[] order = round % 2 == 0 ? [Full, Scalars] : [Scalars, Full];
                foreach (string level in order)
                {
                    output.Progress($"round {round + 1} of {rounds}: {level}");
                    runs[level].Add(await TrainAsync(
                        level, dataset, Path.Combine(folder, $"{level}-{round}"), folder));
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Add(table, "training", "images/s", runs, run => run.ImagesPerSecond);
        Add(table, "processor time", "s", runs, run => run.CpuSeconds);
        table.Show();
    }

    private static void Add(
        FigureTable table, string figure, string unit, Dictionary<string, List<TrainedRun>> runs,
        Func<TrainedRun, double> value)
    {
        table.Add($"{figure}, everything shown", unit, runs[Full].Select(value));
        table.Add($"{figure}, curves alone", unit, runs[Scalars].Select(value));
        table.Add(
            $"{figure}, everything over curves", "ratio",
            runs[Full].Zip(runs[Scalars], (full, scalars) => value(full) / value(scalars)));
    }

    private async Task<TrainedRun> TrainAsync(
        string level, DrawnDataset dataset, string run, string folder)
    {
        string[] all =
        [
            $"dataset.name={dataset.Folder}", "model=course-cnn", .. settings,
            $"tensorboard={level}",
        ];
        double cpuBefore = ChildrenCpuSeconds();
        await OurTraining.RunToEndAsync(
            LineProgram.Self(
                level,
                [
                    "train", "--json", "--workers", $"{workers}", "--epochs", $"{epochs}",
                    "--out", run, .. all.SelectMany(setting => new[] { "--set", setting }),
                ]),
            // A dataset of one's own, given by the settings, comes from the usual cache.
            settings.Any(setting => setting.StartsWith("dataset", StringComparison.Ordinal))
                ? null
                : Path.Combine(folder, "cache"),
            cancellation);
        return new TrainedRun(
            ImagesPerSecond(Path.Combine(run, MetricsFile.FileName)),
            ChildrenCpuSeconds() - cpuBefore);
    }

    /// <summary>
    /// From the first epoch's end to the last one's: evaluation and all that happens between epochs
    /// is in it, and methods are compiled.
    /// </summary>
    private static double ImagesPerSecond(string path)
    {
        double seconds = 0;
        long firstStep = 0, lastStep = 0, samples = 0, steps = 1;
        foreach (string text in File.ReadLines(path))
        {
            using JsonDocument document = JsonDocument.Parse(text);
            JsonElement line = document.RootElement;
            string? kind = line.GetProperty("kind").GetString();
            if (kind == "epoch")
            {
                lastStep = line.GetProperty("step").GetInt64();
                if (firstStep == 0)
                    firstStep = lastStep;
                else
                    seconds += line.GetProperty("seconds").GetDouble();
            }
            else if (kind == "done")
            {
                steps = line.GetProperty("step").GetInt64();
                samples = line.GetProperty("samples").GetInt64();
            }
        }

        return (double)samples / steps * (lastStep - firstStep) / seconds;
    }

    /// <summary>User and system time of all processes that were started here and have ended, and
    /// of theirs.</summary>
    private static double ChildrenCpuSeconds()
    {
        // Linux counts these in hundredths of a second on every architecture.
        const int ticksPerSecond = 100, userField = 13, systemField = 14;
        string stat = File.ReadAllText("/proc/self/stat");
        // A program's name, in brackets, may hold anything.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (Ticks(fields[userField]) + Ticks(fields[systemField])) / (double)ticksPerSecond;

        static long Ticks(string field) =>
            long.Parse(field, System.Globalization.CultureInfo.InvariantCulture);
    }

    private readonly record struct TrainedRun(double ImagesPerSecond, double CpuSeconds);
}
