using Distributed.Cli.Commands;

namespace Distributed.Cli.Tests;

/// <summary>The help of commands about results, word by word.</summary>
public sealed class HelpTests
{
    [Theory]
    [InlineData("exercise")]
    [InlineData("report")]
    [InlineData("tensorboard")]
    public async Task HelpIsAsItWasAgreed(string command)
    {
        var terminal = new FakeTerminal();
        Assert.Equal(0, await CommandLine.RunAsync(
            [command, "--help"], new CommandServices(terminal.Terminal, new FakeNodes()),
            CancellationToken.None));
        string folder = Path.Combine(AppContext.BaseDirectory, "Golden");
        string help = string.Join(
            '\n', terminal.Output.Split('\n').Select(line => line.TrimEnd()))
            // Help calls the program as the process is called.
            .Replace("testhost", "distributed", StringComparison.Ordinal);
        // Beside the expected one, to be compared and taken over.
        await File.WriteAllTextAsync(Path.Combine(folder, $"help-{command}.actual.txt"), help);
        Assert.Equal(
            await File.ReadAllTextAsync(Path.Combine(folder, $"help-{command}.txt")), help);
    }
}
