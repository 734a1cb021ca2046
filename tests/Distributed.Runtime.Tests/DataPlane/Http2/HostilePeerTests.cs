using System.Buffers.Binary;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.DataPlane.Http2;
using Distributed.Runtime.Security;
using Google.Protobuf;
using static Distributed.Runtime.Tests.DataPlane.TransportCluster;

namespace Distributed.Runtime.Tests.DataPlane.Http2;

/// <summary>
/// Goal: the server keeps to RFC 9113 whatever a client does, and outlives it. Method: a client
/// written by hand that does what the RFC allows, and each thing that it forbids.
/// </summary>
public sealed class HostilePeerTests : IAsyncLifetime
{
    private const FrameFlags Ends = FrameFlags.EndOrAcknowledge;
    private const FrameFlags Whole = FrameFlags.EndHeaders;

    private TransportCluster? _cluster;

    private DataPlaneServer Server => _cluster!.Servers[0];

    public async Task InitializeAsync() => _cluster = await StartAsync(2);

    public async Task DisposeAsync() => await _cluster!.DisposeAsync();

    public static TheoryData<string, byte[], int> Offences()
    {
        byte[] open = [.. HttpHeaders("/x")];
        byte[] ping = new byte[8];
        var data = new TheoryData<string, byte[], int>();
        void Add(string name, Http2Error error, params byte[][] frames) =>
            data.Add(name, [.. frames.SelectMany(frame => frame)], (int)error);

        Add("a frame too large", Http2Error.FrameSize,
            [0x20, 0, 0, 0, 0, 0, 0, 0, 1]);
        Add("a ping of seven bytes", Http2Error.FrameSize,
            RawPeer.Frame(FrameType.Ping, 0, 0, ping[..7]));
        Add("settings of five bytes", Http2Error.FrameSize,
            RawPeer.Frame(FrameType.Settings, 0, 0, ping[..5]));
        Add("settings on a stream", Http2Error.Protocol,
            RawPeer.Frame(FrameType.Settings, 0, 1, []));
        Add("a window of 4 GiB", Http2Error.FlowControl,
            RawPeer.Frame(FrameType.Settings, 0, 0, [0, 4, 255, 255, 255, 255]));
        Add("frames of one byte", Http2Error.Protocol,
            RawPeer.Frame(FrameType.Settings, 0, 0, [0, 5, 0, 0, 0, 1]));
        Add("data on stream 0", Http2Error.Protocol, RawPeer.Frame(FrameType.Data, 0, 0, []));
        Add("data before headers", Http2Error.Protocol, RawPeer.Frame(FrameType.Data, 0, 1, []));
        Add("a reset of no stream", Http2Error.Protocol,
            RawPeer.Frame(FrameType.ResetStream, 0, 7, ping[..4]));
        Add("an even stream", Http2Error.Protocol,
            RawPeer.Frame(FrameType.Headers, Whole, 2, open));
        Add("a push", Http2Error.Protocol,
            RawPeer.Frame(FrameType.PushPromise, Whole, 1, open));
        Add("a continuation of nothing", Http2Error.Protocol,
            RawPeer.Frame(FrameType.Continuation, Whole, 1, open));
        Add("a ping between headers", Http2Error.Protocol,
            RawPeer.Frame(FrameType.Headers, 0, 1, open),
            RawPeer.Frame(FrameType.Ping, 0, 0, ping));
        Add("endless headers", Http2Error.EnhanceYourCalm,
            RawPeer.Frame(FrameType.Headers, 0, 1, open),
            [.. Enumerable.Repeat(RawPeer.Frame(FrameType.Continuation, 0, 1, []), 40)
                .SelectMany(frame => frame)]);
        Add("large headers", Http2Error.EnhanceYourCalm,
            RawPeer.Frame(FrameType.Headers, 0, 1, new byte[16_000]),
            RawPeer.Frame(FrameType.Continuation, 0, 1, new byte[16_000]));
        Add("headers of nonsense", Http2Error.Compression,
            RawPeer.Frame(FrameType.Headers, Whole, 1, [0x80]));
        Add("more padding than headers", Http2Error.Protocol,
            RawPeer.Frame(FrameType.Headers, Whole | FrameFlags.Padded, 1, [9, 0x82]));
        Add("a window that overflows", Http2Error.FlowControl,
            RawPeer.Frame(FrameType.WindowUpdate, 0, 0, [127, 255, 255, 255]));
        Add("a window of nothing", Http2Error.Protocol,
            RawPeer.Frame(FrameType.WindowUpdate, 0, 0, [0, 0, 0, 0]));
        return data;
    }

    [Theory]
    [MemberData(nameof(Offences))]
    public void AnOffenderIsToldWhyAndLeft(string name, byte[] frames, int error)
    {
        Assert.NotEmpty(name);
        using var peer = RawPeer.Introduce(Server.Address);
        peer.TrySend(frames);
        Assert.Equal((Http2Error)error, peer.ReadUntil(FrameType.GoAway).Error);
        Assert.Null(peer.Read());
        AssertStillServes();
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")]
    public void WithoutThePrefaceNothingIsServed(string text)
    {
        using var peer = RawPeer.Connect(Server.Address);
        peer.TrySend(System.Text.Encoding.ASCII.GetBytes(text));
        Assert.Equal(Http2Error.Protocol, peer.ReadUntil(FrameType.GoAway).Error);
        Assert.Null(peer.Read());
    }

    [Fact]
    public void SettingsComeFirst()
    {
        using var peer = RawPeer.Connect(Server.Address);
        peer.Send(Http2Limits.Preface);
        peer.TrySend(RawPeer.Frame(FrameType.Ping, 0, 0, new byte[8]));
        Assert.Equal(Http2Error.Protocol, peer.ReadUntil(FrameType.GoAway).Error);
    }

    [Fact]
    public void PingsAndSettingsAreAnsweredAndTheUnknownIsPassedOver()
    {
        using var peer = RawPeer.Introduce(Server.Address);
        Assert.Equal(FrameType.Settings, peer.Read()!.Type);
        peer.Send((FrameType)0x77, (FrameFlags)0xFF, 99, new byte[3000]);
        peer.Send(FrameType.Settings, 0, 0, [0x77, 0x77, 1, 2, 3, 4]);
        peer.Send(FrameType.Priority, 0, 5, new byte[5]);
        peer.Send(FrameType.Ping, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
        var answer = peer.ReadUntil(FrameType.Ping);
        Assert.Equal(Ends, answer.Flags);
        Assert.Equal(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 }, answer.Payload);
    }

    [Fact]
    public void UnknownMethodsAndOtherProtocolsGetWhatGrpcSays()
    {
        using var peer = RawPeer.Introduce(Server.Address);
        peer.Send(FrameType.Headers, Whole | Ends, 1, HttpHeaders("/nobody/Knows"));
        var headers = peer.ReadHeaders();
        Assert.Equal("200", headers.Find(":status"));
        Assert.Equal("12", headers.Find("grpc-status"));
        peer.Send(FrameType.Headers, Whole | Ends, 3, HttpHeaders("/x", contentType: "text/html"));
        Assert.Equal("415", peer.ReadHeaders().Find(":status"));
        peer.Send(FrameType.Headers, Whole | Ends, 5, HttpHeaders("/x", method: "GET"));
        Assert.Equal("405", peer.ReadHeaders().Find(":status"));
        peer.Send(FrameType.Headers, Whole | Ends, 7, [0x86]);
        Assert.Equal(Http2Error.Protocol, peer.ReadUntil(FrameType.ResetStream).Error);
    }

    /// <summary>Padding, priority, continuations, and every byte in a packet of its own.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AFrameArrivesHoweverItIsCutUp(bool postFirst)
    {
        using var transport = _cluster!.Open(0);
        var received = new byte[300];
        Task Receive() =>
            OnThread(() => transport.Receive(1, Header(0, received.Length), received));
        var receive = postFirst ? Receive() : null;
        using var peer = RawPeer.Connect(Server.Address);
        byte[] payload = [.. Enumerable.Range(0, received.Length).Select(value => (byte)value)];
        foreach (var value in DrippedCall(payload))
            peer.Send([value]);
        await (receive ?? Receive()).WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(payload, received);
        transport.Cancel("done");
    }

    [Fact]
    public async Task AResetCallIsALostPeerAndTheConnectionGoesOn()
    {
        using var transport = _cluster!.Open(0);
        using var peer = RawPeer.Introduce(Server.Address);
        peer.Send(FrameType.Headers, Whole, 1, ExchangeHeaders());
        Assert.Equal("200", peer.ReadHeaders().Find(":status"));
        peer.Send(FrameType.Headers, Whole | Ends, 3, ExchangeHeaders());
        Assert.Equal(Http2Error.RefusedStream, peer.ReadUntil(FrameType.ResetStream).Error);
        peer.Send(FrameType.ResetStream, 0, 1, [0, 0, 0, 8]);
        await Assert.ThrowsAsync<PeerLostException>(() => OnThread(
            () => transport.Receive(1, Header(0, 1), new byte[1])));
        peer.Send(FrameType.Headers, Whole | Ends, 5, ExchangeHeaders());
        Assert.Equal("6", peer.ReadHeaders().Find("grpc-status"));
        transport.Cancel("done");
    }

    [Fact]
    public void MoreThanTheWindowIsRefused()
    {
        using var transport = _cluster!.Open(0);
        using var peer = RawPeer.Introduce(Server.Address);
        peer.Send(FrameType.Headers, Whole, 1, ExchangeHeaders());
        // One message that nobody receives, longer than the window.
        var prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), 40 << 20);
        peer.Send(FrameType.Data, 0, 1, prefix);
        var payloadTag = new byte[] { 15 << 3 | 2, 0xFB, 0xFF, 0xFF, 0x13 };
        peer.Send(FrameType.Data, 0, 1, [.. payloadTag, .. new byte[1 << 16]]);
        for (var sent = 0; sent < 18; sent++)
            peer.TrySend(RawPeer.Frame(FrameType.Data, 0, 1, new byte[1 << 20]));
        Assert.Equal(Http2Error.FlowControl, peer.ReadUntil(FrameType.GoAway).Error);
        AssertStillServes();
        transport.Cancel("done");
    }

    [Fact]
    public void AMessageTooLongIsRefusedWithItsStatus()
    {
        using var transport = _cluster!.Open(0);
        using var peer = RawPeer.Introduce(Server.Address);
        peer.Send(FrameType.Headers, Whole, 1, ExchangeHeaders());
        peer.Send(FrameType.Data, 0, 1, [0, 0x7F, 0, 0, 0]);
        Assert.Null(peer.ReadHeaders().Find("grpc-status"));
        Assert.Equal("8", peer.ReadHeaders().Find("grpc-status"));
        transport.Cancel("done");
    }

    private static IEnumerable<byte> DrippedCall(byte[] payload)
    {
        var expected = Header(0, payload.Length);
        var message = FrameCodecTests.FrameOf(
            expected with { Checksum = Crc32C.Compute(payload) }, payload).ToByteArray();
        var prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), message.Length);
        byte[] data = [.. prefix, .. message];
        var headers = ExchangeHeaders();
        byte[] priority = [0, 0, 0, 0, 16];
        return
        [
            .. Http2Limits.Preface, .. RawPeer.Frame(FrameType.Settings, 0, 0, []),
            .. RawPeer.Frame(
                FrameType.Headers, FrameFlags.Padded | FrameFlags.Priority, 1,
                [3, .. priority, .. headers[..7], 0, 0, 0]),
            .. RawPeer.Frame(FrameType.Continuation, 0, 1, headers[7..9]),
            .. RawPeer.Frame(FrameType.Continuation, Whole, 1, headers[9..]),
            .. RawPeer.Frame(FrameType.Data, FrameFlags.Padded, 1, [2, .. data[..3], 0, 0]),
            .. RawPeer.Frame(FrameType.Data, 0, 1, []),
            .. RawPeer.Frame(FrameType.Data, FrameFlags.Padded, 1, [1, .. data[3..50], 0]),
            .. RawPeer.Frame(FrameType.Data, FrameFlags.Padded, 1, [0, .. data[50..90]]),
            .. RawPeer.Frame(FrameType.Data, 0, 1, data[90..]),
        ];
    }

    private static byte[] ExchangeHeaders() => DataPlaneMethods.Request(
        DataPlaneMethods.Exchange, "x", RpcSecurity.None,
        new ExchangeIdentity(Job, 0, 1, 0).ToHeaders());

    private static byte[] HttpHeaders(
        string path, string method = "POST", string contentType = "application/grpc") =>
        new HpackEncoder().Add(":method", method).Add(":scheme", "http").Add(":path", path)
            .Add("content-type", contentType).ToBlock();

    private void AssertStillServes()
    {
        using var peer = RawPeer.Introduce(Server.Address);
        peer.Send(FrameType.Ping, 0, 0, new byte[8]);
        Assert.Equal(Ends, peer.ReadUntil(FrameType.Ping).Flags);
    }
}
