using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Distributed.Kernel;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Distributed.Runtime.Tests.Rpc.Protocol;

namespace Distributed.Runtime.Tests.Rpc;

/// <summary>Goal: what a user or a caller meets at the server's edges is one clear line.</summary>
public sealed class RpcServerTests
{
    private static Task<RpcServer> StartAsync(
        string address = "127.0.0.1:0", RpcSecurity? security = null) =>
        RpcServer.StartAsync(
            address, _ => { }, endpoints => endpoints.Map<EchoService>(Echo.Descriptor),
            security ?? RpcSecurity.None);

    private static Socket CreateSocket() =>
        new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    private static Task<EchoText> AskAsync(RpcClient client, string text, double seconds = 5) =>
        client.AskAsync(
            "echo",
            (invoker, options) =>
                new Echo.EchoClient(invoker).UnaryAsync(new EchoText { Text = text }, options),
            TimeSpan.FromSeconds(seconds));

    [Fact]
    public async Task APortInUseIsNamedWithAWayOut()
    {
        await using var first = await StartAsync();
        var taken = await Assert.ThrowsAsync<OperatingException>(() => StartAsync(first.Target));
        Assert.Contains(first.Target, taken.Message, StringComparison.Ordinal);
        Assert.Contains("--set remote.port=0", taken.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', taken.Message);
    }

    [Fact]
    public async Task AForeignAddressIsNamed()
    {
        var foreign = await Assert.ThrowsAsync<OperatingException>(
            () => StartAsync("192.0.2.7:0", new RpcSecurity(
                AccessToken.Parse(AccessToken.Draw(), "the test"), tls: null)));
        Assert.StartsWith(
            "192.0.2.7 is not an address of this machine",
            foreign.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost:4053", "localhost", 4053)]
    [InlineData("[::1]:0", "::1", 0)]
    [InlineData("*:65535", "*", 65535)]
    public void AddressesAreRead(string address, string host, int port) =>
        Assert.Equal((host, port), RpcAddress.Split(address));

    [Theory]
    [InlineData("localhost")]
    [InlineData(":4053")]
    [InlineData("::1:4053")]
    [InlineData("host:65536")]
    [InlineData("host:-1")]
    [InlineData("host:http")]
    public void WrongAddressesAreQuoted(string address)
    {
        var wrong = Assert.Throws<OperatingException>(() => RpcAddress.Split(address));
        Assert.Contains($"\"{address}\"", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheEnvironmentDoesNotMoveTheServer()
    {
        Environment.SetEnvironmentVariable("ASPNETCORE_URLS", "http://127.0.0.1:1");
        Environment.SetEnvironmentVariable("ASPNETCORE_HTTP_PORTS", "1");
        try
        {
            await using var server = await StartAsync();
            using var client = new RpcClient(server.Target, RpcSecurity.None);
            Assert.Equal("hello", (await AskAsync(client, "hello")).Text);
        }
        finally
        {
            Environment.SetEnvironmentVariable("ASPNETCORE_URLS", null);
            Environment.SetEnvironmentVariable("ASPNETCORE_HTTP_PORTS", null);
        }
    }

    [Fact]
    public async Task AStopIsBoundedWhileACallHangs()
    {
        var server = await StartAsync();
        using var client = new RpcClient(server.Target, RpcSecurity.None);
        var hanging = AskAsync(client, "slow", 30);
        await AskAsync(client, "hello");
        var watch = Stopwatch.StartNew();
        await server.StopAsync(TimeSpan.FromSeconds(0.5));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 5);
        await Assert.ThrowsAsync<OperatingException>(() => hanging);
        await server.DisposeAsync();
    }

    [Fact]
    public async Task NothingListensIsSaidWithinTwoSeconds()
    {
        string target;
        await using (var gone = await StartAsync()) target = gone.Target;
        using var client = new RpcClient(target, RpcSecurity.None);
        var watch = Stopwatch.StartNew();
        var nobody = await Assert.ThrowsAsync<OperatingException>(() => AskAsync(client, "hello"));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 2);
        Assert.Contains($"nothing listens at {target}", nobody.Message, StringComparison.Ordinal);
    }

    // Method: a listener whose queue is full drops new connections, as a firewall does.
    [Fact]
    public async Task SilenceIsSaidWithinTwoSeconds()
    {
        using var silent = CreateSocket();
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen(0);
        var queued = Enumerable.Range(0, 4)
            .Select(_ => CreateSocket())
            .ToList();
        foreach (var socket in queued)
            _ = socket.ConnectAsync(silent.LocalEndPoint!);
        await Task.Delay(100);
        using var client = new RpcClient($"{silent.LocalEndPoint}", RpcSecurity.None);
        var watch = Stopwatch.StartNew();
        var nobody = await Assert.ThrowsAsync<OperatingException>(() => AskAsync(client, "hello"));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 3);
        Assert.Contains(
            $"nothing answers at {client.Address}", nobody.Message, StringComparison.Ordinal);
        queued.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task OperatingErrorsCrossTheWireAsOneLine()
    {
        await using var server = await StartAsync();
        using var client = new RpcClient(server.Target, RpcSecurity.None);
        var error = await Assert.ThrowsAsync<OperatingException>(
            () => AskAsync(client, "operating"));
        Assert.Equal(
            $"could not echo: {server.Target} refused: the run folder exists: expected none",
            error.Message);
    }

    [Fact]
    public async Task ACancelledCallIsACancellation()
    {
        await using var server = await StartAsync();
        using var client = new RpcClient(server.Target, RpcSecurity.None);
        using var cancellation = new CancellationTokenSource(100);
        await Assert.ThrowsAsync<OperationCanceledException>(() => client.AskAsync(
            "echo",
            (invoker, options) =>
                new Echo.EchoClient(invoker).UnaryAsync(new EchoText { Text = "slow" }, options),
            cancellation: cancellation.Token));
    }
}
