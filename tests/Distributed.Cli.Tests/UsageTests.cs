using Distributed.Cli.Commands;
using Distributed.Kernel;

namespace Distributed.Cli.Tests;

/// <summary>
/// Bad words end with the right code and one line that names the nearest good one.
/// </summary>
public sealed class UsageTests
{
    private static async Task<(int Code, FakeTerminal Terminal, FakeNodes Nodes)> RunAsync(
        string commandLine, FakeNodes? nodes = null)
    {
        var terminal = new FakeTerminal();
        nodes ??= new FakeNodes();
        int code = await CommandLine.RunAsync(
            commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            new CommandServices(terminal.Terminal, nodes), CancellationToken.None);
        return (code, terminal, nodes);
    }

    [Theory]
    [InlineData("trian", "unknown command 'trian'; did you mean 'train'?")]
    [InlineData("train --epoch 3", "unknown flag '--epoch'; did you mean '--epochs'?")]
    [InlineData("train --epoch=3", "unknown flag '--epoch'; did you mean '--epochs'?")]
    [InlineData("train --workers 0", "--workers '0': expected a whole number of at least 1")]
    [InlineData("train --workers two", "--workers 'two': expected a whole number of at least 1")]
    [InlineData("train --workers 1.5", "--workers '1.5': expected a whole number of at least 1")]
    [InlineData("train --workers 99999999999", "--workers '99999999999': expected")]
    [InlineData("train --workers", "--workers")]
    [InlineData("train --workers 1 --workers 2", "--workers")]
    [InlineData("train --lr 0", "--lr '0': expected a number above 0")]
    [InlineData("train --lr NaN", "--lr 'NaN': expected a number above 0")]
    [InlineData("train --lr 0,1", "--lr '0,1': expected a number above 0")]
    [InlineData("train --optimizer adm", "--optimizer 'adm'; did you mean 'adam'?")]
    [InlineData("train --optimizer lbfgs", "expected one of sgd, adam, adamw")]
    [InlineData("train --device quantum", "expected auto, cpu, cuda or cuda:N")]
    [InlineData("train --device cuda:x", "expected auto, cpu, cuda or cuda:N")]
    [InlineData("train --seed -1", "--seed")]
    [InlineData("train --set lr", "--set 'lr': expected KEY=VALUE")]
    [InlineData("train --set =3", "--set '=3': expected KEY=VALUE")]
    [InlineData("train --workers 2 --cluster h:1", "expected one of the two")]
    [InlineData("train mnist", "unexpected 'mnist' after ./distributed train")]
    [InlineData("worker --confg a", "unknown flag '--confg'; did you mean '--config'?")]
    [InlineData("eval", "Required argument 'RUN' missing")]
    [InlineData("eval nowhere --jsno", "unknown flag '--jsno'; did you mean '--json'?")]
    [InlineData("predict run --jsno a.png", "unknown flag '--jsno'; did you mean '--json'?")]
    [InlineData("predict run", "Required argument 'IMAGE' missing")]
    [InlineData("export run", "--format")]
    [InlineData("report", "Required argument 'RUN|SWEEP' missing")]
    [InlineData("report run --out a.htm", "--out 'a.htm': expected a file that ends in .html")]
    [InlineData("export run --format onx", "--format 'onx'; did you mean 'onnx'?")]
    [InlineData("data gte mnist", "unknown command 'gte'; did you mean 'get'?")]
    [InlineData("data", "Required command")]
    [InlineData("data get mnits", "did you mean 'mnist'?")]
    [InlineData("sim --seeds 9..1", "--seeds '9..1': expected two numbers, such as 1..1000")]
    [InlineData("sim --seeds 1", "--seeds '1': expected two numbers")]
    [InlineData("sim --seed 1 --seeds 1..2", "--seed and --seeds: expected one of them")]
    [InlineData("sim --nodes 1001", "--nodes: expected at most 1000")]
    [InlineData("sim --hours 0", "--hours '0': expected a number above 0")]
    [InlineData("sim --without pause", "--without 'pause'; did you mean 'pauses'?")]
    [InlineData("sim --without rain", "--without 'rain'; expected some of crashes, coordinators")]
    [InlineData("bench", "expected one of allreduce, step, actors, metrics, startup, tensorboard")]
    [InlineData("bench allrduce", "unknown command 'allrduce'; did you mean 'allreduce'?")]
    [InlineData("bench allreduce --transport shn", "--transport 'shn'; did you mean 'shm'?")]
    [InlineData("bench allreduce --transport mpi", "--transport 'mpi'; expected one of shm, grpc")]
    [InlineData("bench allreduce --sizes 0", "--sizes '0': expected sizes above 0, such as 64KiB")]
    [InlineData("bench allreduce --sizes 4MiB..4KiB", "--sizes '4MiB..4KiB': expected sizes")]
    [InlineData("bench allreduce --sizes 6", "--sizes '6': expected multiples of 4 bytes")]
    [InlineData("bench allreduce --sizes 2GiB", "--sizes '2GiB': expected multiples of 4 bytes up")]
    [InlineData("bench allreduce --ranks 1", "--ranks '1': expected whole numbers from 2 to 64")]
    [InlineData("bench allreduce --peers glo", "--peers 'glo'; did you mean 'gloo'?")]
    [InlineData("bench allreduce --hosts a:1,b:2", "--hosts are reached by grpc only")]
    [InlineData(
        "bench allreduce --transport grpc --hosts a:1,b:2 --ranks 2", "leave --ranks out")]
    [InlineData("bench allreduce --transport grpc --hosts a", "\"a\" is not an address")]
    [InlineData("bench allreduce --rounds 0", "--rounds '0': expected a whole number of at least")]
    [InlineData("bench step --model vgg", "--model 'vgg'; expected one of course-cnn")]
    [InlineData("bench step --peers eager --workers 2", "--peers eager is a process alone")]
    [InlineData("bench engine --only resnet-18", "--only 'resnet-18'; did you mean 'resnet18'?")]
    [InlineData("bench step --workers 0", "--workers '0': expected whole numbers from 1")]
    [InlineData("--jason", "unknown flag '--jason'")]
    public async Task BadUsageIsOneLineAndExitCodeTwo(string commandLine, string expected)
    {
        (int code, FakeTerminal terminal, FakeNodes nodes) = await RunAsync(commandLine);
        Assert.Equal(ExitCodes.BadUsage, code);
        Assert.Equal("", terminal.Output);
        Assert.StartsWith("distributed: ", terminal.Error, StringComparison.Ordinal);
        Assert.Contains(expected, terminal.Error, StringComparison.Ordinal);
        Assert.Equal(1, terminal.Error.Count(character => character == '\n'));
        Assert.Null(nodes.Train);
    }

    [Fact]
    public async Task TrainWithoutOptionsLeavesEverythingToTheSpec()
    {
        (int code, _, FakeNodes nodes) = await RunAsync("train");
        Assert.Equal(ExitCodes.Done, code);
        Assert.Equal(2, nodes.Train!.WorkerCount);
        Assert.Empty(nodes.Train.SpecificationOverrides());
        Assert.Null(nodes.Train.ModelFile);
        Assert.False(nodes.Train.Json || nodes.Train.Resume);
    }

    [Fact]
    public async Task EveryFlagReachesTheSpecUnderItsKeyAndSetComesLast()
    {
        (int code, FakeTerminal terminal, FakeNodes nodes) = await RunAsync(
            "train --dataset mnist --model mnist-cnn --set epochs=9 --workers 3 --epochs 2 "
            + "--steps 10 --global-batch 32 --logical-shards 4 --optimizer AdamW --lr 1e-4 "
            + "--schedule one-cycle --seed 18446744073709551615 --device cpu --precision fp32 "
            + "--threads-per-worker 2 --reduction fast --compression bf16 --transport grpc "
            + "--train-limit 640 --test-limit 64 --out runs/x --checkpoint-every 5 --json "
            + "--set a[0].b=c=d");
        Assert.Equal("", terminal.Error);
        Assert.Equal(ExitCodes.Done, code);
        Assert.Equal(3, nodes.Train!.WorkerCount);
        Assert.Equal("runs/x", nodes.Train.OutputFolder);
        Assert.True(nodes.Train.Json);
        Assert.Equal(
            [
                "dataset.name=mnist", "model=mnist-cnn", "epochs=2", "steps=10", "globalBatch=32",
                "logicalShards=4", "optimizer.kind=adamw", "optimizer.learningRate=0.0001",
                "schedule.kind=oneCycle", "seed=18446744073709551615", "device=cpu",
                "precision=fp32", "threadsPerWorker=2", "reduction=fast", "compression=bf16",
                "transport=grpc", "dataset.trainLimit=640", "dataset.testLimit=64",
                "checkpointEvery=5", "epochs=9", "a[0].b=c=d",
            ],
            nodes.Train.SpecificationOverrides());
    }

    [Theory]
    [InlineData("course-cnn", null)]
    [InlineData("mine.yaml", "mine.yaml")]
    [InlineData("MINE.YML", "MINE.YML")]
    [InlineData("models/mine", "models/mine")]
    public void ModelIsAFileWhenItLooksLikeOne(string model, string? file)
    {
        var options = new TrainOptions { Model = model };
        Assert.Equal(file, options.ModelFile);
        Assert.Equal(
            file is null ? [$"model={model}"] : [], options.SpecificationOverrides());
    }

    [Fact]
    public async Task NodesGetTheirConfiguration()
    {
        (int code, _, FakeNodes nodes) =
            await RunAsync("worker --config a.hocon --set b=1 --set c=2");
        Assert.Equal(ExitCodes.Done, code);
        Assert.Equal("a.hocon", nodes.Node!.ConfigurationFile);
        Assert.Equal(["b=1", "c=2"], nodes.Node.Settings);
    }

    [Fact]
    public async Task ExceptionsBecomeTheirExitCodeAtTheEdge()
    {
        (int code, FakeTerminal terminal, _) = await RunAsync(
            "train", new FakeNodes { Failure = new OperatingException("port 1 is in use", 3) });
        Assert.Equal((3, "distributed: port 1 is in use\n"), (code, terminal.Error));

        (code, terminal, _) = await RunAsync(
            "train", new FakeNodes { Failure = new InvariantException("rank 9 of 2") });
        Assert.Equal(ExitCodes.BrokenInvariant, code);
        Assert.Contains("rank 9 of 2", terminal.Error, StringComparison.Ordinal);

        (code, terminal, _) = await RunAsync(
            "train", new FakeNodes { Failure = new IOException("No space left on device") });
        Assert.Equal((1, "distributed: No space left on device\n"), (code, terminal.Error));
    }

    [Theory]
    [InlineData("eval no-such-run")]
    [InlineData("predict no-such-run a.png")]
    [InlineData("export no-such-run --format onnx")]
    [InlineData("report no-such-run")]
    public async Task UnknownRunIsAnOperatingError(string commandLine)
    {
        (int code, FakeTerminal terminal, _) = await RunAsync(commandLine);
        Assert.Equal(ExitCodes.OperatingError, code);
        Assert.Contains("no run 'no-such-run'", terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CancellationIsAnInterruption()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        var terminal = new FakeTerminal();
        int code = await CommandLine.RunAsync(
            ["train"],
            new CommandServices(
                terminal.Terminal,
                new FakeNodes { Failure = new OperationCanceledException(cancelled.Token) }),
            cancelled.Token);
        Assert.Equal(ExitCodes.Interrupted, code);
    }

    [Theory]
    [InlineData("")]
    [InlineData("--help")]
    [InlineData("train --help")]
    [InlineData("report --help")]
    [InlineData("train --nonsense --help")]
    [InlineData("worker -h")]
    public async Task HelpTeachesByExample(string commandLine)
    {
        (int code, FakeTerminal terminal, _) = await RunAsync(commandLine);
        Assert.Equal(ExitCodes.Done, code);
        Assert.Contains("Examples:", terminal.Output, StringComparison.Ordinal);
        Assert.All(
            terminal.Output.Split('\n'), line => Assert.InRange(line.TrimEnd().Length, 0, 100));
    }

    [Fact]
    public async Task CompletionSuggestsCommandsFlagsAndValues()
    {
        (_, FakeTerminal terminal, _) = await RunAsync("[suggest] tr");
        Assert.Contains("train", terminal.Output, StringComparison.Ordinal);

        terminal = new FakeTerminal();
        await CommandLine.RunAsync(
            ["[suggest:18]", "train --optimizer "],
            new CommandServices(terminal.Terminal, new FakeNodes()), CancellationToken.None);
        Assert.Contains("adamw", terminal.Output, StringComparison.Ordinal);
    }
}
