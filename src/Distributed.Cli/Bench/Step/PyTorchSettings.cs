using System.Text.Json;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Cli.Bench.Step;

/// <summary>What the peers' Python is told, as JSON: see bench/peers/networks.py.</summary>
internal static class PyTorchSettings
{
    public static JsonSerializerOptions SnakeCase { get; } =
        new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Of a rank on processors.</summary>
    public static string Of(
        RunSpec spec, Network network, DrawnDataset dataset, int batch, bool isChannelsLast) =>
        Of(spec, network, dataset, batch, isChannelsLast, StepOptions.CpuDevice, "fp32");

    /// <summary>Of a loop on one device, with the whole batch.</summary>
    public static string Of(
        RunSpec spec, Network network, DrawnDataset dataset, string device, string precision) =>
        Of(spec, network, dataset, spec.GlobalBatch, isChannelsLast: true, device, precision);

    private static string Of(
        RunSpec spec, Network network, DrawnDataset dataset, int batch, bool isChannelsLast,
        string device, string precision)
    {
        ImageShape shape = network.Input;
        OptimizerSpec optimizer = spec.Optimizer;
        return JsonSerializer.Serialize(
            new
            {
                Network = network.ToEngineText(spec.LabelSmoothing),
                Frozen = network.Layers.Where(layer => layer.Spec is WhiteningLayer)
                    .Select(layer => layer.Name),
                Images = dataset.ImagesFile,
                Labels = dataset.LabelsFile,
                Shape = new[] { shape.Channels, shape.Height, shape.Width },
                Batch = batch,
                ChannelsLast = isChannelsLast,
                Device = device,
                Precision = precision,
                Threads = spec.ThreadsPerWorker,
                Optimizer = optimizer.Kind.ToString().ToLowerInvariant(),
                optimizer.LearningRate,
                optimizer.Momentum,
                optimizer.Nesterov,
                optimizer.WeightDecay,
                Beta1 = optimizer.Beta1,
                Beta2 = optimizer.Beta2,
                optimizer.Epsilon,
            },
            SnakeCase);
    }
}
