using System.Runtime.Versioning;
using Distributed.Cli.Commands;
using Distributed.Kernel;
using Distributed.Runtime.Security;

namespace Distributed.Cli.Tests;

/// <summary>Goal: the command makes a file that nodes take, and never spoils one.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class TokenCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("token-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task ANewFileIsItsOwnersAloneAndIsTaken()
    {
        string path = Path.Combine(folder, "cluster.token");
        var terminal = new FakeTerminal();
        Assert.Equal(ExitCodes.Done, await RunAsync(terminal, "token", "new", path));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        string text = (await File.ReadAllTextAsync(path)).Trim();
        Assert.True(AccessToken.Load(path).IsIn($"Bearer {text}"));
        Assert.Contains(path, terminal.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(text, terminal.Error + terminal.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnEarlierFileStays()
    {
        string path = Path.Combine(folder, "cluster.token");
        await File.WriteAllTextAsync(path, "mine");
        var terminal = new FakeTerminal();
        Assert.Equal(ExitCodes.OperatingError, await RunAsync(terminal, "token", "new", path));
        Assert.Equal("mine", await File.ReadAllTextAsync(path));
        Assert.Contains(path, terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AConfigurationGoesWithACluster()
    {
        foreach (string[] words in new[] { (string[])["train"], ["sweep", "a.yaml"] })
        {
            var terminal = new FakeTerminal();
            Assert.Equal(
                ExitCodes.BadUsage, await RunAsync(terminal, [.. words, "--config", "a.hocon"]));
            Assert.Contains("expected --cluster with it", terminal.Error, StringComparison.Ordinal);
        }
    }

    private static Task<int> RunAsync(FakeTerminal terminal, params string[] words) =>
        CommandLine.RunAsync(
            words, new CommandServices(terminal.Terminal, new FakeNodes()),
            CancellationToken.None);
}
