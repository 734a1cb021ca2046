using System.Diagnostics;
using System.Text.Json;
using Distributed.Kernel;
using Distributed.Telemetry;

namespace Distributed.Cli.Bench.Step;

/// <summary>
/// What users run: `train`, a new one each round. Its figures are those of its own metrics.jsonl,
/// without the first steps, in which methods are still being compiled.
/// </summary>
/// <param name="name">For people.</param>
/// <param name="settings">Keys of the run spec.</param>
/// <param name="workers">Processes that it starts, where it has no cluster.</param>
/// <param name="globalBatch">Images of a step.</param>
/// <param name="folder">For its runs.</param>
/// <param name="cluster">Where it trains instead; owned.</param>
internal sealed class OurTraining(
    string name, IReadOnlyList<string> settings, int workers, int globalBatch, string folder,
    OurCluster? cluster = null) : IStepContender
{
    private const int WarmUpStepsMin = 30;
    private const int WarmUpDivisor = 5;

    private int _runs;

    public string Name => name;

    public bool BeginsAnew => true;

    public async Task<StepRound> RunAsync(int steps, CancellationToken cancellation)
    {
        string run = Path.Combine(folder, $"run-{_runs++}");
        // Where steps are short, methods are compiled and shapes captured for many of them.
        int warmUpSteps = Math.Max(WarmUpStepsMin, steps / WarmUpDivisor);
        string[] place = cluster is null
            ? ["--workers", $"{workers}"]
            : ["--cluster", cluster.Address];
        LineProgram program = LineProgram.Self(
            name,
            [
                "train", "--json", .. place, "--steps", $"{steps + warmUpSteps}",
                "--checkpoint-every", "1000000", "--out", run,
                .. settings.SelectMany(setting => new[] { "--set", setting }),
            ]).Behind(cluster?.Launcher ?? "", rank: 0);
        await RunToEndAsync(program, Path.Combine(folder, "cache"), cancellation);
        return Read(Path.Combine(run, MetricsFile.FileName), warmUpSteps);
    }

    /// <summary>Runs a `train` as a process of its own.</summary>
    /// <param name="program">With all its arguments.</param>
    /// <param name="cache">For drawn images, which must not stay in the user's; null for
    /// that.</param>
    /// <param name="cancellation">Kills it.</param>
    /// <exception cref="OperatingException">It failed.</exception>
    public static async Task RunToEndAsync(
        LineProgram program, string? cache, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program.Words[0], program.Words.Skip(1))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (cache is not null)
            start.Environment["DISTRIBUTED_DATA"] = cache;
        using Process process = Process.Start(start)!;
        string errors;
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(cancellation);
            errors = await process.StandardError.ReadToEndAsync(cancellation);
            await output;
            await process.WaitForExitAsync(cancellation);
        }
        finally
        {
            // Only where this is interrupted; what it writes is deleted next.
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync(CancellationToken.None);
            }
        }

        if (process.ExitCode != 0)
            throw new OperatingException(
                $"train ended with exit code {process.ExitCode}: {errors.Trim()}");
    }

    public ValueTask DisposeAsync() => cluster?.DisposeAsync() ?? ValueTask.CompletedTask;

    private StepRound Read(string path, int warmUpSteps)
    {
        var losses = new List<double>();
        double images = 0, seconds = 0;
        foreach (string line in File.ReadLines(path))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement record = document.RootElement;
            string kind = record.GetProperty("kind").GetString()!;
            if (kind == "step")
                losses.Add(record.GetProperty("loss").GetDouble());
            // A report covers some steps up to its own.
            if (kind != "times" || record.GetProperty("rank").GetInt32() != 0
                || record.GetProperty("step").GetInt64() - record.GetProperty("steps").GetInt32()
                    < warmUpSteps)
                continue;
            double reported = (double)record.GetProperty("steps").GetInt32() * globalBatch;
            images += reported;
            seconds += reported / record.GetProperty("images_per_second").GetDouble();
        }

        if (seconds == 0)
        {
            throw new OperatingException(
                $"{path} has no times after step {warmUpSteps}: expected more steps; give more "
                + "--seconds");
        }

        return new StepRound(images / seconds, losses);
    }
}
