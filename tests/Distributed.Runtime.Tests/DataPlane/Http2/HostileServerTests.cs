using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Distributed.Collectives.Transport;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.DataPlane.Http2;
using Distributed.Runtime.Security;
using static Distributed.Runtime.Tests.DataPlane.TransportCluster;

namespace Distributed.Runtime.Tests.DataPlane.Http2;

/// <summary>
/// Goal: a rank that sends keeps to what its peer allows, and knows at once when the peer is of no
/// use. Method: a server written by hand.
/// </summary>
public sealed class HostileServerTests : IDisposable
{
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(10);

    private readonly Socket _listener = new(SocketType.Stream, ProtocolType.Tcp);
    private readonly GrpcTransport _transport;
    private readonly RawPeer _peer;

    public HostileServerTests()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        _transport = new DataPlaneHub(RpcSecurity.None).Open(
            Job, 0, 0, ["127.0.0.1:1", $"127.0.0.1:{((IPEndPoint)_listener.LocalEndPoint!).Port}"]);
        _peer = new RawPeer(_listener.Accept());
    }

    public void Dispose()
    {
        _transport.Cancel("the test is over");
        _transport.Dispose();
        _peer.Dispose();
        _listener.Dispose();
    }

    [Fact]
    public void PrefaceSettingsAndRequestComeAtOnce()
    {
        Assert.Equal(Http2Limits.Preface.ToArray(), _peer.ReadBytes(Http2Limits.Preface.Length));
        Assert.Equal(FrameType.Settings, _peer.Read()!.Type);
        var headers = _peer.ReadHeaders();
        Assert.Equal("POST", headers.Find(":method"));
        Assert.Equal("/distributed.v1.DataPlane/Exchange", headers.Find(":path"));
        Assert.Equal("trailers", headers.Find("te"));
        Assert.Equal("application/grpc", headers.Find("content-type"));
        Assert.Equal("77", headers.Find("distributed-job"));
        _peer.Send(FrameType.Settings, 0, 0, []);
        Assert.Equal(
            FrameFlags.EndOrAcknowledge, ReadRaw(FrameType.Settings).Flags);
        _peer.Send(FrameType.Ping, 0, 0, [8, 7, 6, 5, 4, 3, 2, 1]);
        Assert.Equal(new byte[] { 8, 7, 6, 5, 4, 3, 2, 1 }, ReadRaw(FrameType.Ping).Payload);
    }

    /// <summary>A window of 1000 bytes, opened by 777 at a time; small frames.</summary>
    [Fact]
    public async Task WindowsAndFrameSizesAreObeyed()
    {
        SkipRequest();
        _peer.Send(FrameType.Settings, 0, 0, [0, 4, 0, 0, 3, 232]);
        ReadRaw(FrameType.Settings);
        var payload = new byte[200_000];
        new Random(1).NextBytes(payload);
        _transport.Send(1, Header(0, payload.Length), payload);
        var flush = OnThread(_transport.Flush);
        var got = new List<byte>();
        var (stream, connection) = (1000L, 65_535L);
        while (got.Count < payload.Length)
        {
            var data = ReadRaw(FrameType.Data);
            Assert.InRange(data.Payload.Length, 1, 16_384);
            (stream, connection) = (stream - data.Payload.Length, connection - data.Payload.Length);
            Assert.True(stream >= 0 && connection >= 0);
            got.AddRange(data.Payload);
            var increment = got.Count > 100_000 ? 100_000 : 777;
            _peer.Send(FrameType.WindowUpdate, 0, 1, Number(increment));
            _peer.Send(FrameType.WindowUpdate, 0, 0, Number(increment));
            (stream, connection) = (stream + increment, connection + increment);
        }

        await flush.WaitAsync(Moment);
        Assert.Equal(payload, got[^payload.Length..]);
    }

    [Fact]
    public async Task ARefusalWithoutABodyIsTheReason()
    {
        SkipRequest();
        _peer.Send(FrameType.Settings, 0, 0, []);
        var block = new HpackEncoder().Add(":status", "200").Add("content-type", "application/grpc")
            .Add("grpc-status", "9").Add("grpc-message", "100%25 f%C3%BCr nichts").ToBlock();
        _peer.Send(FrameType.Headers, FrameFlags.EndOrAcknowledge, 1, block[..9]);
        _peer.Send(FrameType.Continuation, FrameFlags.EndHeaders, 1, block[9..]);
        Assert.Equal("100% für nichts", (await LossAsync()).Reason);
    }

    [Theory]
    [InlineData("goaway")]
    [InlineData("reset")]
    [InlineData("end")]
    [InlineData("garbage")]
    [InlineData("overflow")]
    [InlineData("http")]
    [InlineData("silence of a stream")]
    public async Task APeerOfNoUseIsLost(string how)
    {
        SkipRequest();
        _peer.Send(FrameType.Settings, 0, 0, []);
        switch (how)
        {
            case "goaway":
                _peer.Send(FrameType.GoAway, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0, 42, 42]);
                break;
            case "reset":
                _peer.Send(FrameType.ResetStream, 0, 1, [0, 0, 0, 2]);
                break;
            case "end":
                _peer.Dispose();
                break;
            case "garbage":
                _peer.Send(Encoding.ASCII.GetBytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
                break;
            case "overflow":
                _peer.Send(FrameType.WindowUpdate, 0, 1, [127, 255, 255, 255]);
                break;
            case "http":
                _peer.Send(
                    FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.EndOrAcknowledge, 1,
                    new HpackEncoder().Add(":status", "503").ToBlock());
                break;
            default:
                _peer.Send(
                    FrameType.Headers, FrameFlags.EndHeaders, 1,
                    GrpcStatus.ResponseHeaders().ToBlock());
                _peer.Send(FrameType.Data, FrameFlags.EndOrAcknowledge, 1, []);
                break;
        }

        var loss = await LossAsync();
        Assert.Equal(1, loss.Peer);
        Assert.NotEmpty(loss.Reason);
    }

    [Fact]
    public async Task AGentleGoAwayLetsTheCallGoOn()
    {
        SkipRequest();
        _peer.Send(FrameType.Settings, 0, 0, []);
        _peer.Send(FrameType.GoAway, 0, 0, [127, 255, 255, 255, 0, 0, 0, 0]);
        _peer.Send(FrameType.GoAway, 0, 0, [0, 0, 0, 1, 0, 0, 0, 0]);
        _transport.Send(1, Header(0, 3), new byte[] { 1, 2, 3 });
        await OnThread(_transport.Flush).WaitAsync(Moment);
        Assert.Equal(new byte[] { 1, 2, 3 }, ReadRaw(FrameType.Data).Payload[^3..]);
    }

    private Task<PeerLostException> LossAsync() => Assert.ThrowsAsync<PeerLostException>(
        () => OnThread(() => _transport.Receive(1, Header(0, 1), new byte[1])).WaitAsync(Moment));

    private void SkipRequest()
    {
        _peer.ReadBytes(Http2Limits.Preface.Length);
        _peer.ReadUntil(FrameType.Headers);
    }

    private RawFrame ReadRaw(FrameType type)
    {
        RawFrame? frame;
        do frame = _peer.Read();
        while (frame is not null && frame.Type != type);
        Assert.NotNull(frame);
        return frame;
    }

    private static byte[] Number(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }
}
