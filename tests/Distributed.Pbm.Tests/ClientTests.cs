using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Distributed.Kernel;
using Distributed.Runtime.Pbm;

namespace Distributed.Pbm.Tests;

/// <summary>The client against a node in this process: what it shows, and how it ends.</summary>
public sealed class ClientTests
{
    [Theory]
    [InlineData("help", "help")]
    [InlineData("help-actor", "actor help")]
    [InlineData("help-cluster", "cluster help")]
    [InlineData("help-host", "help host")]
    [InlineData("help-log", "log --help")]
    [InlineData("help-sweep", "sweep help")]
    [InlineData("help-train", "train -h")]
    [InlineData("help-worker", "worker help")]
    [InlineData("help-train-scale", "train scale --help")]
    public async Task HelpIsAsItWasAgreed(string file, string words)
    {
        await using LiveNode node = await LiveNode.StartAsync();
        Said said = await Said.RunAsync([node.Address, .. words.Split(' ')]);
        Assert.Equal((0, ""), (said.ExitCode, said.Error));
        string folder = Path.Combine(AppContext.BaseDirectory, "Golden");
        // Beside the expected one, to be compared and taken over.
        await File.WriteAllTextAsync(Path.Combine(folder, $"{file}.actual.txt"), said.Output);
        Assert.Equal(
            await File.ReadAllTextAsync(Path.Combine(folder, $"{file}.txt")), said.Output);
    }

    [Theory]
    [InlineData("cluster", 2, "cluster needs a command: expected one of show, status")]
    [InlineData("clutser show", 2, "there is no palette \"clutser\": expected one of actor")]
    [InlineData("cluster sho", 2, "cluster has no command \"sho\": expected one of show")]
    [InlineData("cluster show extra", 2, "cluster show does not take \"extra\"")]
    [InlineData("cluster show --fast", 2, "cluster show takes no --fast")]
    [InlineData("log peek -n", 2, "-n needs a value: how many")]
    [InlineData("log peek -n many", 2, "lines is \"many\": expected a whole number")]
    [InlineData("log peek --level=loud", 2, "level is \"loud\": expected one of error")]
    [InlineData("train scale", 2, "train scale needs --workers")]
    [InlineData("train show", 1, "there is no job")]
    [InlineData("cluster down w1 --yes", 1, "there is no worker")]
    public async Task WhatIsWrongIsNamed(string words, int exitCode, string message)
    {
        await using LiveNode node = await LiveNode.StartAsync();
        Said said = await Said.RunAsync([node.Address, .. words.Split(' ')]);
        Assert.Equal((exitCode, ""), (said.ExitCode, said.Output));
        Assert.StartsWith($"pbm: {message}", said.Error, StringComparison.Ordinal);
    }

    /// <summary>An address at which nobody listens is refused, not waited for.</summary>
    [Fact]
    public async Task NobodyAtTheAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        string address = $"{listener.LocalEndpoint}";
        listener.Stop();
        Said said = await Said.RunAsync(address, "cluster", "show");
        Assert.Equal((1, ""), (said.ExitCode, said.Output));
        Assert.Contains($"nothing listens at {address}", said.Error, StringComparison.Ordinal);
    }

    /// <summary>Lines that come through a pipe are run like those that are typed.</summary>
    [Fact]
    public async Task CommandsMayComeFromAFile()
    {
        await using LiveNode node = await LiveNode.StartAsync();
        string file = Path.GetTempFileName();
        Said said = await Said.RunAsync(
            $"cluster leader\n\nnonsense\nlog level > \"{file}\"\nexit\ncluster status\n",
            isInteractive: false, onOutput: null, node.Address);
        Assert.Equal(0, said.ExitCode);
        Assert.Single(said.Output.Trim().Split('\n'));
        Assert.Contains("no palette \"nonsense\"", said.Error, StringComparison.Ordinal);
        Assert.Equal("info\n", await File.ReadAllTextAsync(file));
        File.Delete(file);
    }

    /// <summary>A tail ends when its node does, and says so; nothing hangs.</summary>
    [Fact]
    public async Task ATailEndsWithItsNode()
    {
        await using LiveNode node = await LiveNode.StartAsync();
        var stopped = new TaskCompletionSource();
        Said said = await Said.RunAsync(
            "", isInteractive: false,
            line =>
            {
                if (stopped.TrySetResult())
                    _ = node.StopServerAsync();
            },
            node.Address, "log", "tail");
        Assert.Equal(1, said.ExitCode);
        Assert.Contains("connection to host terminated", said.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task APortThatIsTakenIsNamedWithItsKey()
    {
        await using LiveNode node = await LiveNode.StartAsync();
        int port = int.Parse(node.Address.Split(':')[1], CultureInfo.InvariantCulture);
        var failure = await Assert.ThrowsAsync<OperatingException>(
            () => node.StartServerAsync(port, mayTakeAnyPort: false));
        Assert.Contains($"127.0.0.1:{port}", failure.Message, StringComparison.Ordinal);
        Assert.Contains("--set pbm.port=PORT", failure.Message, StringComparison.Ordinal);

        await using PbmServer other = await node.StartServerAsync(port, mayTakeAnyPort: true);
        Assert.NotEqual(node.Address, other.Address);
    }
}
