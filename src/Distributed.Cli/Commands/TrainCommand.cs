using System.CommandLine;
using Distributed.Cli.Output;

namespace Distributed.Cli.Commands;

/// <summary>`train`: the flags, and what of them can be judged before the spec is read.</summary>
internal sealed class TrainCommand
{
    private readonly Option<string?> dataset = Flags.Text(
        "--dataset",
        "mnist, fashion-mnist, cifar-10, doodle, or a folder with one folder of PNG or JPEG images"
        + " a class [default: fashion-mnist]",
        "NAME|DIR", "mnist", "fashion-mnist", "cifar-10", "doodle");

    private readonly Option<string?> model = Flags.Text(
        "--model",
        "Preset (course-cnn, mnist-cnn, cifar-cnn, resnet18, airbench94, airbench94-muon), or a "
        + "file with a run spec or a model [default: course-cnn]",
        "NAME|FILE.yaml", "course-cnn", "mnist-cnn", "cifar-cnn", "resnet18", "airbench94",
        "airbench94-muon");

    private readonly Option<string[]> settings = Flags.Settings(
        "Any key of the run spec; repeatable, and stronger than every other flag. Such as"
        + " tensorboard=scalars: only curves, without images and histograms");

    private readonly Option<int?> workers = Flags.Whole(
        "--workers", 1,
        $"Worker processes to start on this machine [default: {TrainOptions.DefaultWorkers}]");

    private readonly Option<string?> cluster = Flags.Text(
        "--cluster",
        "Submit to this running cluster instead of starting workers; with standby coordinators "
        + "name several, in any order",
        "HOST:PORT[,HOST:PORT…]");

    private readonly Option<string?> configuration = ConfigurationFlag.Create();

    private readonly Option<double?> epochs = Flags.PositiveNumber(
        "--epochs",
        "Times to go through the training set, the last perhaps in part [default: the model's]");

    private readonly Option<long?> steps = Flags.Whole(
        "--steps", 1L, "Stop after N steps, wherever in an epoch that is");

    private readonly Option<int?> globalBatch = Flags.Whole(
        "--global-batch", 1, "Samples a step, over all workers [default: the model's]");

    private readonly Option<int?> logicalShards = Flags.Whole(
        "--logical-shards", 1,
        "Parts with a fixed content that a batch is split into, a power of two; workers beyond it"
        + " are hot spares [default: the largest up to 8 that leaves 16 samples or more in each]");

    private readonly Option<string?> optimizer = Flags.Choice(
        "--optimizer", "Optimizer [default: the model's]", "sgd", "adam", "adamw",
        "muon");

    private readonly Option<double?> learningRate = Flags.PositiveNumber(
        "--lr", "Learning rate, before the schedule [default: the model's]");

    private readonly Option<string?> schedule = Flags.Choice(
        "--schedule", "Learning-rate schedule [default: the model's]",
        "constant", "step", "cosine", "oneCycle");

    private readonly Option<ulong?> seed = Flags.Whole(
        "--seed", 0UL,
        "Seed of everything that is drawn: the same seed, the same bits [default: 1]");

    private readonly Option<string?> device = Flags.Device(
        "--device", "Device of each worker; without N, GPUs go round the workers [default: auto]");

    private readonly Option<string?> precision = Flags.Choice(
        "--precision",
        "Arithmetic of the layers; parameters stay fp32. bf16 is for GPUs: on a CPU it is slow, "
        + "and there for checking [default: fp32]",
        "fp32", "bf16");

    private readonly Option<int?> threadsPerWorker = Flags.Whole(
        "--threads-per-worker", 1, "Compute threads of each worker [default: 1]");

    private readonly Option<string?> reduction = Flags.Choice(
        "--reduction",
        "exact: the same bits on any number of workers; fast: gradients added in any order"
        + " [default: exact]",
        "exact", "fast");

    private readonly Option<string?> compression = Flags.Choice(
        "--compression",
        "bf16: half the bytes between hosts, rounding errors carried over to the next step; needs"
        + " --reduction fast, and does nothing between workers that share memory [default: none]",
        "none", "bf16");

    private readonly Option<string?> transport = Flags.Choice(
        "--transport",
        "How gradients travel between workers; nccl: from GPU to GPU of one machine"
        + " [default: auto]",
        "auto", "shm", "grpc", "nccl");

    private readonly Option<int?> trainLimit = Flags.Whole(
        "--train-limit", 1, "Use only the first N training samples");

    private readonly Option<int?> testLimit = Flags.Whole(
        "--test-limit", 1, "Use only the first N test samples");

    private readonly Option<string?> output = Flags.Text(
        "--out", "Run folder; never overwritten [default: runs/<date>-<name>]", "DIR");

    private readonly Option<bool> resume = Flags.Switch(
        "--resume", "Go on with the run in --out, or with the newest under runs/");

    private readonly Option<long?> checkpointEvery = Flags.Whole(
        "--checkpoint-every", 1L, "Steps between checkpoints [default: one an epoch]", "STEPS");

    private readonly Option<bool> json = Flags.Switch(
        "--json", "Print one JSON object a line on standard output and nothing else");

    public static Command Create(CommandServices services)
    {
        var flags = new TrainCommand();
        var command = new Command(
            "train",
            "Trains a network. With no option: the course network on Fashion-MNIST, with 2 workers,"
            + " on this machine.")
        {
            flags.dataset, flags.model, flags.settings, flags.workers, flags.cluster,
            flags.configuration, flags.epochs, flags.steps, flags.globalBatch, flags.logicalShards,
            flags.optimizer, flags.learningRate, flags.schedule, flags.seed, flags.device,
            flags.precision, flags.threadsPerWorker,
            flags.reduction, flags.compression, flags.transport, flags.trainLimit,
            flags.testLimit, flags.output, flags.resume, flags.checkpointEvery, flags.json,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(flags.workers) is not null
                && result.GetResult(flags.cluster) is not null)
                result.AddError("--workers starts workers here and --cluster uses those of a"
                    + " cluster: expected one of the two");
            ConfigurationFlag.Check(result, flags.configuration, flags.cluster);
        });
        command.SetAction(async (parsed, cancellation) =>
        {
            TrainOptions options = flags.Read(parsed);
            if (options is { Resume: true, OutputFolder: null })
            {
                options = options with { OutputFolder = RunFolders.Newest() };
                services.Terminal.Error.WriteLine($"distributed: resuming {options.OutputFolder}");
            }
            using var printer = RunEventPrinter.Create(services.Terminal, options.Json);
            return await services.Nodes.TrainAsync(options, printer, cancellation);
        });
        return command;
    }

    private TrainOptions Read(ParseResult parsed) => new()
    {
        Dataset = parsed.GetValue(dataset),
        Model = parsed.GetValue(model),
        Settings = parsed.GetValue(settings) ?? [],
        Workers = parsed.GetValue(workers),
        Cluster = parsed.GetValue(cluster)?.Split(',', StringSplitOptions.TrimEntries),
        Configuration = ConfigurationFlag.Read(parsed, configuration),
        Epochs = parsed.GetValue(epochs),
        Steps = parsed.GetValue(steps),
        GlobalBatch = parsed.GetValue(globalBatch),
        LogicalShards = parsed.GetValue(logicalShards),
        Optimizer = parsed.GetValue(optimizer),
        LearningRate = parsed.GetValue(learningRate),
        Schedule = parsed.GetValue(schedule),
        Seed = parsed.GetValue(seed),
        Device = parsed.GetValue(device),
        Precision = parsed.GetValue(precision),
        ThreadsPerWorker = parsed.GetValue(threadsPerWorker),
        Reduction = parsed.GetValue(reduction),
        Compression = parsed.GetValue(compression),
        Transport = parsed.GetValue(transport),
        TrainLimit = parsed.GetValue(trainLimit),
        TestLimit = parsed.GetValue(testLimit),
        OutputFolder = parsed.GetValue(output),
        Resume = parsed.GetValue(resume),
        CheckpointEvery = parsed.GetValue(checkpointEvery),
        Json = parsed.GetValue(json),
    };
}
