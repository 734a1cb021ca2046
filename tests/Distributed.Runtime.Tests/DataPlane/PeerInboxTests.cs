using System.Net;
using System.Net.Sockets;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.DataPlane.Http2;
using Grpc.Core;

namespace Distributed.Runtime.Tests.DataPlane;

/// <summary>Goal: a peer that dies at the worst moment takes nobody with it.</summary>
public sealed class PeerInboxTests
{
    /// <summary>Its connection is gone before its call is answered for the first time.</summary>
    [Fact]
    public void ACallThatBreaksAsItIsOpenedIsNotGivenBackOnceMore()
    {
        using var channel = BrokenChannel();
        var events = new Breaks();
        var inbox = new PeerInbox(fromRank: 1, toRank: 0, events);
        using (var inbound = new InboundCall(
            new ServerCall(new Http2Connection(channel, isServer: true))))
        {
            inbox.Open(inbound);
            Assert.Throws<IOException>(inbound.WaitUntilReleased);
        }

        Assert.Equal([1], events.Peers);
        inbox.EndCall(new Status(StatusCode.Aborted, "its peer is lost"));
        Assert.True(inbox.WasOpened);
        Assert.False(inbox.WantsToRead);
    }

    private static ByteChannel BrokenChannel()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var dialled = new Socket(SocketType.Stream, ProtocolType.Tcp);
        dialled.Connect(listener.LocalEndpoint);
        using (Socket accepted = listener.AcceptSocket())
            accepted.LingerState = new LingerOption(enable: true, seconds: 0);
        // Returns when the reset has come.
        dialled.Poll(TimeSpan.FromSeconds(15), SelectMode.SelectRead);
        return new ByteChannel(dialled);
    }

    private sealed class Breaks : PeerInbox.IEvents
    {
        public List<int> Peers { get; } = [];

        public void Ended(int peer) => Assert.Fail("it has not ended in order");

        public void Broke(int peer, Exception cause) => Peers.Add(peer);
    }
}
