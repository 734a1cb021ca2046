using System.Net;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;

namespace Distributed.Runtime.Tests.Security;

/// <summary>
/// Goal: no port opens to other hosts while nothing keeps strangers out, whatever it is and however
/// its address is written; this host itself may always come in.
/// </summary>
public sealed class PortSafetyTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.3.2.1")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:127.9.9.9")]
    public void LoopbackIsAlwaysAllowed(string address)
    {
        foreach (var (token, certificates) in Combinations())
        {
            Assert.True(PortSafety.Decide(
                "the dashboard", At(address), token, certificates).IsAllowed);
        }
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("10.1.2.3")]
    [InlineData("192.0.2.7")]
    [InlineData("2001:db8::1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("fe80::1")]
    public void OthersAreAllowedWhereCallersShowSomething(string address)
    {
        foreach (var (token, certificates) in Combinations())
        {
            var decision = PortSafety.Decide("pbm", At(address), token, certificates);
            Assert.Equal(token || certificates, decision.IsAllowed);
            Assert.Contains($"{At(address)}", decision.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ARefusalSaysWhatToDo()
    {
        var refused = PortSafety.Decide("the dashboard", At("0.0.0.0"), false, false);
        Assert.StartsWith(
            "the dashboard at 0.0.0.0:80 could be reached from other hosts", refused.Reason,
            StringComparison.Ordinal);
        foreach (var part in new[]
        {
            "./distributed token new FILE", "security.token-file", "security.tls", "127.0.0.1",
        })
        {
            Assert.Contains(part, refused.Reason, StringComparison.Ordinal);
        }

        Assert.DoesNotContain('\n', refused.Reason);
    }

    /// <summary>The servers themselves ask, so that no caller can forget to.</summary>
    [Fact]
    public async Task ControlAndDataPortsAskForIt()
    {
        var control = await Assert.ThrowsAsync<OperatingException>(
            () => RpcServer.StartAsync("0.0.0.0:0", _ => { }, _ => { }, RpcSecurity.None));
        Assert.Contains("the control port at 0.0.0.0", control.Message, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.BadUsage, control.ExitCode);
        var data = await Assert.ThrowsAsync<OperatingException>(
            () => DataPlaneServer.StartAsync("*:0", new DataPlaneHub(RpcSecurity.None)));
        Assert.Contains("the data plane at 0.0.0.0", data.Message, StringComparison.Ordinal);

        var security = Tokens.New();
        await using var server = await RpcServer.StartAsync(
            "0.0.0.0:0", _ => { }, _ => { }, security);
        await using var plane = await DataPlaneServer.StartAsync(
            "0.0.0.0:0", new DataPlaneHub(security));
        await using var local = await RpcServer.StartAsync(
            "localhost:0", _ => { }, _ => { }, RpcSecurity.None);
    }

    private static IEnumerable<(bool Token, bool Certificates)> Combinations() =>
        [(false, false), (true, false), (false, true), (true, true)];

    private static IPEndPoint At(string address) => new(IPAddress.Parse(address), 80);
}
