using System.Text.Json;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Cli.Bench.Step;

/// <summary>
/// The same network, batch and optimizer in PyTorch: one process of one thread for each worker,
/// with DistributedDataParallel over Gloo where there are several.
/// </summary>
internal sealed class PyTorchTraining : IStepContender
{
    private readonly IReadOnlyList<LineProcess> _ranks;
    private readonly int _batch;

    private PyTorchTraining(string name, IReadOnlyList<LineProcess> ranks, int batch)
    {
        Name = name;
        _ranks = ranks;
        _batch = batch;
    }

    public string Name { get; }

    public bool BeginsAnew => false;

    /// <param name="isTuned">As a user who knows would start it, or as installed.</param>
    public static async Task<PyTorchTraining> StartAsync(
        StepOptions options, RunSpec spec, Network network, DrawnDataset dataset, int workers,
        bool isTuned, string folder, CancellationToken cancellation)
    {
        string name = isTuned ? "pytorch-tuned" : "pytorch";
        int batch = spec.GlobalBatch / workers;
        string settings = Path.Combine(folder, $"{name}-{workers}.json");
        await File.WriteAllTextAsync(
            settings, PyTorchSettings.Of(spec, network, dataset, batch, isTuned), cancellation);
        var environment = new Dictionary<string, string> { ["OMP_NUM_THREADS"] = "1" };
        if (options.Hosts.Count == 0)
            environment["GLOO_SOCKET_IFNAME"] = "lo";
        foreach ((string key, string value) in isTuned ? Peers.TunedEnvironment() : environment)
            environment[key] = value;
        string store = Path.Combine(folder, $"{name}-{workers}-store");
        var training = new PyTorchTraining(
            name,
            [
                .. Enumerable.Range(0, workers).Select(rank => LineProcess.Start(new LineProgram(
                    $"{name}'s rank {rank}",
                    [
                        Peers.Python!, Peers.SourceOf("ddp_step.py"), $"{rank}", $"{workers}",
                        store, settings,
                    ],
                    environment).Behind(options.Launcher, rank))),
            ],
            batch);
        try
        {
            foreach (LineProcess rank in training._ranks)
                await rank.ReadAsync("ready", cancellation);
            return training;
        }
        catch
        {
            await training.DisposeAsync();
            throw;
        }
    }

    public async Task<StepRound> RunAsync(int steps, CancellationToken cancellation)
    {
        string[] answers = await Task.WhenAll(
            _ranks.Select(rank => rank.AskAsync($"run {steps}", "done", cancellation)));
        RankSteps[] ranks =
        [
            .. answers.Select(answer => JsonSerializer.Deserialize<RankSteps>(
                answer, PyTorchSettings.SnakeCase)!),
        ];
        double seconds = ranks.Max(rank => rank.StepMs.Sum()) / 1e3;
        return new StepRound(
            steps * _batch * ranks.Length / seconds,
            [.. Enumerable.Range(0, steps).Select(step => ranks.Average(rank => rank.Loss[step]))]);
    }

    public async ValueTask DisposeAsync() =>
        await Task.WhenAll(_ranks.Select(rank => rank.DisposeAsync().AsTask()));

    private sealed record RankSteps(double[] StepMs, double[] Loss);
}
