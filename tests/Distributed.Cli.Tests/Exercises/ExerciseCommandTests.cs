using Distributed.Cli.Commands;
using Distributed.Kernel;
using Distributed.Runtime.Sweeps;

namespace Distributed.Cli.Tests.Exercises;

/// <summary>What `exercise` makes of its words.</summary>
public sealed class ExerciseCommandTests
{
    [Fact]
    public async Task ASweepExerciseRunsItsFileThroughTheOrdinaryPath()
    {
        (int code, FakeNodes nodes, _) = await RunAsync(
            new FakeNodes(), "exercise 2 --quick --out here --workers 3 --set seeds=2 --json");
        Assert.Equal(ExitCodes.Done, code);
        SweepOptions sweep = nodes.Sweep!;
        Assert.Equal((2, "2-convolution-quick.yaml", "here", 3), (
            sweep.Exercise, sweep.File, sweep.OutputFolder, sweep.Workers));
        Assert.Equal("./distributed exercise 2 --quick --set seeds=2", sweep.Command);
        Assert.True(sweep is { Resume: false, Json: true, Preview: false, Cluster: null });
        SweepFileContent content = SweepFile.Read(sweep.Text!, sweep.File!, sweep.Settings);
        Assert.Equal(2, content.RunSeeds.Count);
    }

    [Fact]
    public async Task AResumedExerciseGoesOnWithItsFolder()
    {
        (_, FakeNodes nodes, _) = await RunAsync(
            new FakeNodes(), "exercise 4 --resume --out here");
        Assert.True(nodes.Sweep is { Resume: true, File: null, OutputFolder: "here" });
    }

    [Fact]
    public async Task ExerciseOneTrainsAndLeavesItsReportOutWhenThatFails()
    {
        (int code, FakeNodes nodes, FakeTerminal terminal) = await RunAsync(
            new FakeNodes { Code = ExitCodes.Interrupted },
            "exercise 1 --quick --out here --set dataset.name=mnist");
        Assert.Equal(ExitCodes.Interrupted, code);
        Assert.Equal(
            ["epochs=2", "dataset.trainLimit=12000", "dataset.name=mnist"],
            nodes.Train!.SpecificationOverrides());
        Assert.Equal("here", nodes.Train.OutputFolder);
        Assert.Equal("", terminal.Output);
    }

    [Theory]
    [InlineData("exercise 5", "exercise '5': expected one of 1, 2, 3, 4")]
    [InlineData("exercise", "Required argument '1|2|3|4' missing")]
    [InlineData("exercise 2 --quik", "unknown flag '--quik'; did you mean '--quick'?")]
    [InlineData("report", "Required argument 'RUN|SWEEP' missing")]
    public async Task BadWordsAreOneLine(string words, string expected)
    {
        (int code, _, FakeTerminal terminal) = await RunAsync(new FakeNodes(), words);
        Assert.Equal(ExitCodes.BadUsage, code);
        Assert.Contains(expected, terminal.Error, StringComparison.Ordinal);
        Assert.Equal(1, terminal.Error.Count(character => character == '\n'));
    }

    [Theory]
    [InlineData("report nothing-here")]
    [InlineData("tensorboard nothing-here")]
    public async Task WhatIsNotThereIsNamed(string words)
    {
        (int code, _, FakeTerminal terminal) = await RunAsync(new FakeNodes(), words);
        Assert.Equal(ExitCodes.OperatingError, code);
        Assert.Contains("'nothing-here'", terminal.Error, StringComparison.Ordinal);
    }

    private static async Task<(int Code, FakeNodes Nodes, FakeTerminal Terminal)> RunAsync(
        FakeNodes nodes, string words)
    {
        var terminal = new FakeTerminal();
        int code = await CommandLine.RunAsync(
            words.Split(' '), new CommandServices(terminal.Terminal, nodes),
            CancellationToken.None);
        return (code, nodes, terminal);
    }
}
