using System.Globalization;
using Distributed.Kernel;
using Distributed.Runtime.Tests.DataPlane;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Distributed.Runtime.Tests.Rpc.Protocol;
using Grpc.Core;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.Rpc;

/// <summary>
/// Goal: our server and our client speak what the rest of the world calls gRPC. Method: grpcio (the
/// C core) on the other side, with every kind of call, error statuses and deadlines.
/// </summary>
public sealed class PythonConformanceTests(ITestOutputHelper output)
{
    [Fact]
    public async Task GrpcioCallsOurServer()
    {
        if (PythonPeer.IsMissing(output)) return;
        await using var server = await RpcServer.StartAsync(
            "127.0.0.1:0",
            _ => { },
            endpoints =>
            {
                endpoints.Map<EchoService>(Echo.Descriptor);
                endpoints.Map<KestrelDataPlane>(Distributed.Runtime.Protocol.DataPlane.Descriptor);
            },
            RpcSecurity.None);

        var results = await PythonPeer.RunAsync("Rpc/rpc_peer.py", "client", server.Target);

        Assert.Equal("0801", results["health "]);
        Assert.Equal("0801", results["health distributed.test.v1.Echo"]);
        Assert.Equal("0801", results["health distributed.v1.DataPlane"]);
        Assert.StartsWith("NOT_FOUND", results["health nobody"], StringComparison.Ordinal);
        var reflected = results.Where(
            pair => pair.Key.StartsWith("v1", StringComparison.Ordinal)).ToList();
        Assert.Equal(8, reflected.Count);
        Assert.All(reflected, pair => Assert.True(pair.Value == "True", pair.Key));
        Assert.Equal("hello", results["unary"]);
        Assert.Equal("RESOURCE_EXHAUSTED: no room for more: 3 of 3 taken", results["fail"]);
        Assert.Equal(
            "FAILED_PRECONDITION: the run folder exists: expected none", results["operating"]);
        Assert.StartsWith("DEADLINE_EXCEEDED", results["slow"], StringComparison.Ordinal);
        Assert.Equal("a,b,c", results["collect"]);
        Assert.Equal("x1,x2,x3", results["repeat"]);
        Assert.Equal("re:a,re:b,re:c", results["talk"]);
        Assert.StartsWith("UNIMPLEMENTED", results["missing"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task OurClientCallsGrpcio()
    {
        if (PythonPeer.IsMissing(output)) return;
        using var process = PythonPeer.StartScript("Rpc/rpc_peer.py", "server");
        try
        {
            var line = await process.StandardOutput.ReadLineAsync();
            var port = int.Parse(line!, CultureInfo.InvariantCulture);
            using var client = new RpcClient($"127.0.0.1:{port}", RpcSecurity.None);
            await CallEverythingAsync(client);
        }
        finally
        {
            process.StandardInput.Close();
            if (!process.WaitForExit(5_000)) process.Kill();
        }
    }

    private static async Task CallEverythingAsync(RpcClient client)
    {
        var echo = new Echo.EchoClient(client.Invoker);
        Task<EchoText> Ask(string text, double seconds = 5) => client.AskAsync(
            "echo",
            (invoker, options) =>
                new Echo.EchoClient(invoker).UnaryAsync(new EchoText { Text = text }, options),
            TimeSpan.FromSeconds(seconds));

        Assert.Equal("hello", (await Ask("hello")).Text);
        var refused = await Assert.ThrowsAsync<OperatingException>(() => Ask("fail"));
        Assert.Equal(
            $"could not echo: {client.Address} refused: no room for more: 3 of 3 taken",
            refused.Message);
        var late = await Assert.ThrowsAsync<OperatingException>(() => Ask("slow", 0.3));
        Assert.Contains("did not answer within 0.3 s", late.Message, StringComparison.Ordinal);

        using var collect = echo.Collect();
        using var talk = echo.Talk();
        foreach (var text in new[] { "a", "b", "c" })
        {
            await collect.RequestStream.WriteAsync(new EchoText { Text = text });
            await talk.RequestStream.WriteAsync(new EchoText { Text = text });
            Assert.True(await talk.ResponseStream.MoveNext(CancellationToken.None));
            Assert.Equal("re:" + text, talk.ResponseStream.Current.Text);
        }

        await collect.RequestStream.CompleteAsync();
        Assert.Equal("a,b,c", (await collect).Text);
        await talk.RequestStream.CompleteAsync();
        Assert.False(await talk.ResponseStream.MoveNext(CancellationToken.None));
        using var repeat = echo.Repeat(new EchoText { Text = "x" });
        var repeated = new List<string>();
        await foreach (var answer in repeat.ResponseStream.ReadAllAsync())
            repeated.Add(answer.Text);
        Assert.Equal(["x1", "x2", "x3"], repeated);
    }
}
