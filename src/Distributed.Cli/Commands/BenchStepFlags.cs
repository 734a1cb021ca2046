using System.CommandLine;
using System.CommandLine.Parsing;
using Distributed.Cli.Bench;
using Distributed.Cli.Bench.Step;

namespace Distributed.Cli.Commands;

/// <summary>The flags of `bench step`, and what they come to.</summary>
internal sealed class BenchStepFlags
{
    private const int BatchDefault = 64;
    private const double SecondsDefault = 10;
    private const double RateDefault = 0.01;

    private readonly Option<IReadOnlyList<string>?> models = BenchFlags.Words(
        "--model", "Networks [default: course-cnn,mnist-cnn,cifar-cnn]", StepOptions.ModelNames);

    private readonly Option<IReadOnlyList<int>?> workers = BenchFlags.Counts(
        "--workers", "Processes [default: 1,2; with a GPU or its peers 1]", 1, 64);

    private readonly Option<int?> batch = Flags.Whole(
        "--batch", 1, $"Samples of each worker in a step [default: {BatchDefault}]");

    private readonly Option<double?> seconds = Flags.PositiveNumber(
        "--seconds", $"Of each one's part of a round [default: {SecondsDefault}]");

    private readonly Option<string?> optimizer = Flags.Choice(
        "--optimizer", "Optimizer; sgd has momentum 0.9 [default: sgd]", "sgd", "adam", "adamw");

    private readonly Option<double?> rate = Flags.PositiveNumber(
        "--lr", $"Learning rate [default: {RateDefault}]");

    private readonly Option<string[]> settings = Flags.Settings(
        "Any key of the run spec, such as logicalShards=2; the peers only follow those that "
        + "concern network and optimizer");

    private readonly Option<IReadOnlyList<string>?> peers = BenchFlags.PeerNames(
        [Peers.PyTorch, .. Peers.DeviceLoops]);

    private readonly Option<string?> device = Flags.Text(
        "--device", "Where all of them compute; on a GPU the peers are PyTorch's loops: eager, "
        + "compile (torch.compile) and graph (a CUDA graph made by hand) [default: cpu]",
        "cpu|cuda|cuda:N");

    private readonly Option<string?> precision = Flags.Choice(
        "--precision", "Of all of them [default: fp32]", "fp32", "bf16");

    private readonly Option<IReadOnlyList<string>?> ours = BenchFlags.Words(
        "--ours", "exact; fast: one shard a worker, added in any order; apart: a run of its own "
        + "for each worker, which is what the processors allow [default: exact]",
        StepOptions.OursNames);

    private readonly Option<IReadOnlyList<string>?> hosts = BenchFlags.Addresses(
        "--hosts", "Where each worker listens, instead of on this machine");

    private readonly Option<string?> launcher;

    public BenchStepFlags(Option<string?> launcher)
    {
        this.launcher = launcher;
        Command = new Command(
            "step", "Images a second in training; peer: PyTorch, with DDP over Gloo.")
        {
            models, workers, batch, seconds, optimizer, rate, settings, peers, ours, hosts,
            launcher, device, precision,
        };
        Command.Validators.Add(CheckHosts);
        Command.Validators.Add(CheckLoops);
    }

    public Command Command { get; }

    public StepOptions Read(ParseResult parsed, int rounds)
    {
        IReadOnlyList<string> addresses = parsed.GetValue(hosts) ?? [];
        string where = parsed.GetValue(device) ?? StepOptions.CpuDevice;
        bool isAlone = where != StepOptions.CpuDevice || Loop(parsed.GetValue(peers)) is not null;
        IReadOnlyList<int> counts = parsed.GetValue(workers) ?? (isAlone ? [1] : [1, 2]);
        return new StepOptions(
            parsed.GetValue(models) ?? StepOptions.ModelNamesDefault,
            addresses.Count > 0 ? [addresses.Count] : counts,
            parsed.GetValue(batch) ?? BatchDefault, rounds,
            parsed.GetValue(seconds) ?? SecondsDefault, parsed.GetValue(optimizer) ?? "sgd",
            parsed.GetValue(rate) ?? RateDefault, parsed.GetValue(settings) ?? [],
            parsed.GetValue(peers), parsed.GetValue(ours) ?? ["exact"], addresses,
            parsed.GetValue(launcher) ?? "", where, parsed.GetValue(precision) ?? "fp32");
    }

    private void CheckHosts(CommandResult result)
    {
        if (result.GetResult(hosts) is null)
            return;
        if (result.GetResult(workers) is not null)
            result.AddError("--hosts says how many workers there are: leave --workers out");
        if (result.GetValue(ours)?.Contains("apart") == true)
            result.AddError("--ours apart has no use for --hosts: leave one of them out");
    }

    private void CheckLoops(CommandResult result)
    {
        if (Loop(result.GetValue(peers)) is { } loop
            && result.GetValue(workers)?.Any(count => count > 1) == true)
            result.AddError($"--peers {loop} is a process alone: give --workers 1");
    }

    private static string? Loop(IReadOnlyList<string>? names) =>
        names?.FirstOrDefault(name => Peers.DeviceLoops.Contains(name));
}
