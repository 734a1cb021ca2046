using System.Text.Json;
using Distributed.Kernel;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Cli.Bench.Step;

/// <summary>
/// The same network, batch and optimizer in one process of PyTorch on one device, in one of
/// <see cref="Peers.DeviceLoops"/>; its data lies on the device as ours does.
/// </summary>
internal sealed class PyTorchLoop : IStepContender
{
    /// <summary>torch.compile takes the most of it.</summary>
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(100);

    private readonly LineProcess _process;
    private readonly int _batch;

    private PyTorchLoop(string name, LineProcess process, int batch)
    {
        Name = name;
        _process = process;
        _batch = batch;
    }

    public string Name { get; }

    public bool BeginsAnew => false;

    /// <summary>
    /// The loop, or null and why this PyTorch or this device has none; one that fails is as good as
    /// none, so that the others are measured all the same.
    /// </summary>
    public static async Task<(PyTorchLoop? Loop, string Absence)> StartAsync(
        string name, RunSpec spec, Network network, DrawnDataset dataset,
        StepOptions options, string folder, CancellationToken cancellation)
    {
        const string ready = "ready", absent = "absent";
        string settings = Path.Combine(folder, $"{name}-{spec.Model.Name}.json");
        await File.WriteAllTextAsync(
            settings,
            PyTorchSettings.Of(spec, network, dataset, options.Device, options.Precision),
            cancellation);
        LineProcess process = LineProcess.Start(new LineProgram(
            $"PyTorch's {name}",
            [Peers.Python!, Peers.SourceOf("device_step.py"), name, settings],
            options.IsOnCpu ? Peers.TunedEnvironment() : null));
        var loop = new PyTorchLoop(name, process, spec.GlobalBatch);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(StartPatience);
        string absence;
        try
        {
            string answer = await process.ReadAsync(patience.Token);
            if (answer.StartsWith(ready, StringComparison.Ordinal))
                return (loop, "");
            absence = answer.StartsWith(absent, StringComparison.Ordinal)
                ? answer[absent.Length..].Trim()
                : $"it said '{answer}', expected '{ready}' or '{absent}'";
        }
        catch (OperatingException failure)
        {
            absence = failure.Message;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            absence = $"it was not ready after {StartPatience.TotalSeconds:0} s";
        }

        await loop.DisposeAsync();
        return (null, absence);
    }

    public async Task<StepRound> RunAsync(int steps, CancellationToken cancellation)
    {
        string answer = await _process.AskAsync($"run {steps}", "done", cancellation);
        LoopSteps done = JsonSerializer.Deserialize<LoopSteps>(
            answer, PyTorchSettings.SnakeCase)!;
        return new StepRound((double)steps * _batch / done.Seconds, done.Loss);
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private sealed record LoopSteps(double Seconds, double[] Loss);
}
