using System.Globalization;
using Distributed.Runtime.Rpc;
using Distributed.Training.Data;

namespace Distributed.Cli.Bench.Step;

/// <summary>The flags of `bench step`.</summary>
/// <param name="Batch">Samples of each worker in a step.</param>
/// <param name="Seconds">What a contender's part of a round should take.</param>
/// <param name="Settings">More keys of the run spec, for this program's side.</param>
/// <param name="Peers">Null: what is installed.</param>
/// <param name="Ours">Which of <see cref="OursNames"/>.</param>
/// <param name="Hosts">
/// host:port of each worker where they are not all processes beside this one; empty otherwise.
/// </param>
/// <param name="Launcher">
/// Words in front of each worker's own, with {rank} for its number; empty starts it here.
/// </param>
/// <param name="Device">cpu, cuda or cuda:N: where all of them compute.</param>
/// <param name="Precision">fp32 or bf16: of all of them.</param>
internal sealed record StepOptions(
    IReadOnlyList<string> Models, IReadOnlyList<int> Workers, int Batch, int Rounds,
    double Seconds, string Optimizer, double LearningRate, IReadOnlyList<string> Settings,
    IReadOnlyList<string>? Peers, IReadOnlyList<string> Ours, IReadOnlyList<string> Hosts,
    string Launcher, string Device, string Precision)
{
    /// <summary>
    /// exact: as users run it. fast: without the tree, one logical shard a worker. apart: a run of
    /// its own for each worker, which is what the processors allow.
    /// </summary>
    public static IReadOnlyList<string> OursNames { get; } = ["exact", "fast", "apart"];

    public static IReadOnlyList<string> ModelNames { get; } =
    [
        .. ModelNamesDefault, "resnet18", "airbench94", "airbench94-muon",
    ];

    public static IReadOnlyList<string> ModelNamesDefault =>
        ["course-cnn", "mnist-cnn", "cifar-cnn"];

    public bool IsOnCpu => Device == CpuDevice;

    public const string CpuDevice = "cpu";

    private const int DeviceTrainBytes = 24 << 20;

    public static ImageShape ShapeOf(string model) =>
        model is "course-cnn" or "mnist-cnn" ? new(1, 28, 28) : new(3, 32, 32);

    /// <summary>A GPU would go through a small set many times a second.</summary>
    public int TrainCount(ImageShape shape) =>
        IsOnCpu ? DrawnDataset.TrainCountDefault : DeviceTrainBytes / shape.Length;

    /// <summary>
    /// The same recipe for both sides: no augmentation, a constant rate, momentum for SGD.
    /// </summary>
    public IReadOnlyList<string> Overrides(string model, int workers, string dataset) =>
    [
        $"dataset.name={dataset}", $"model={model}", $"globalBatch={Batch * workers}",
        $"device={Device}", $"precision={Precision}", $"optimizer.kind={Optimizer}",
        string.Create(CultureInfo.InvariantCulture, $"optimizer.learningRate={LearningRate}"),
        .. Optimizer == "sgd" ? ["optimizer.momentum=0.9"] : Array.Empty<string>(),
        "optimizer.weightDecay=0", "schedule.kind=constant", "augmentation.cropPadding=0",
        "augmentation.horizontalFlip=false", "epochs=1000000", .. Settings,
    ];

    public string HostOf(int worker) => RpcAddress.Split(Hosts[worker]).Host;

    public string PortOf(int worker) => $"{RpcAddress.Split(Hosts[worker]).Port}";
}
