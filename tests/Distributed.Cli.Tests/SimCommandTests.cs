using System.Text.Json;
using Distributed.Cli.Commands;
using Distributed.Kernel;
using Distributed.Simulation;

namespace Distributed.Cli.Tests;

/// <summary>
/// One line of JSON a seed, in the order of the seeds however many run side by side; and the words
/// that are printed after a violation mean the same history.
/// </summary>
public sealed class SimCommandTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task Seeds_are_printed_in_their_order(int jobs)
    {
        FakeTerminal terminal = new();
        int code = await CommandLine.RunAsync(
            [.. $"sim --seeds 3..9 --nodes 3 --hours 0.03 --jobs {jobs}".Split(' ')],
            new CommandServices(terminal.Terminal, new FakeNodes()), CancellationToken.None);

        Assert.Equal(ExitCodes.Done, code);
        Assert.Equal("", terminal.Error);
        Assert.Equal(
            [3, 4, 5, 6, 7, 8, 9],
            terminal.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(
                line => JsonDocument.Parse(line).RootElement.GetProperty("seed").GetInt32()));
    }

    [Fact]
    public async Task The_words_for_a_history_simulate_that_history()
    {
        var options = new SimulationOptions
        {
            Seed = 5,
            Nodes = 4,
            Hours = 0.035,
            Without = FaultClasses.Pauses | FaultClasses.Links,
        };
        FakeTerminal terminal = new();

        string words = SimCommand.WordsOf(options);
        await CommandLine.RunAsync(
            words.Split(' '), new CommandServices(terminal.Terminal, new FakeNodes()),
            CancellationToken.None);

        Assert.Equal("sim --seed 5 --nodes 4 --hours 0.035 --without pauses,links", words);
        JsonElement line = JsonDocument.Parse(terminal.Output).RootElement;
        Assert.Equal(
            Simulation.Simulation.Run(options).TraceHash,
            line.GetProperty("trace_hash").GetString());
    }
}
