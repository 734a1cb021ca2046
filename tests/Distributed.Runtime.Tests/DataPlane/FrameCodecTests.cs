using Distributed.Collectives.Transport;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Protocol;
using Google.Protobuf;

namespace Distributed.Runtime.Tests.DataPlane;

/// <summary>
/// Goal: our codec and protobuf's read each other. Method: random headers, extremes included,
/// through the generated class in both directions, cut at every byte.
/// </summary>
public sealed class FrameCodecTests
{
    private static readonly FrameHeader[] Headers =
    [
        default,
        new(ulong.MaxValue, int.MaxValue, long.MaxValue, int.MaxValue, 1, int.MaxValue,
            long.MaxValue, int.MaxValue, uint.MaxValue, ElementFormat.Bfloat16),
        new(1, -1, -1, int.MinValue, -1, -1, long.MinValue, -1, 7, (ElementFormat)(-1)),
        new(42, 3, 1000, 2, 1, 5, 1 << 20, 262_144, 0x1234_5678),
    ];

    [Fact]
    public void ProtobufReadsWhatWeWrite()
    {
        foreach (var header in Headers)
        {
            var bytes = new byte[FrameCodec.HeaderBytesMax + 3];
            var length = FrameCodec.WriteHeader(header, 3, bytes);
            (bytes[length], bytes[length + 1], bytes[length + 2]) = (7, 8, 9);
            var frame = Frame.Parser.ParseFrom(bytes, 0, length + 3);
            Assert.Equal(header, HeaderOf(frame));
            Assert.Equal(new byte[] { 7, 8, 9 }, frame.Payload.ToByteArray());
        }
    }

    [Fact]
    public void WeReadWhatProtobufWritesAndAskForMoreWhereItIsCut()
    {
        byte[] payload = [1, 2, 3, 4];
        foreach (var header in Headers)
        {
            var bytes = FrameOf(header, payload).ToByteArray();
            for (var length = 0; length <= bytes.Length; length++)
            {
                var isEnough = FrameCodec.TryRead(
                    bytes.AsSpan(0, length), bytes.Length, out var read, out var start,
                    out var count);
                // The payload comes last, so all is known before it.
                Assert.Equal(length >= bytes.Length - payload.Length, isEnough);
                if (!isEnough) continue;
                Assert.Equal(header, read);
                Assert.Equal(payload, bytes[start..(start + count)]);
            }
        }
    }

    [Fact]
    public void APayloadInTheMiddleIsReadOnceAllIsThere()
    {
        var first = new Frame { Payload = ByteString.CopyFrom(1, 2, 3, 4) }.ToByteArray();
        byte[] bytes = [.. first, .. FrameOf(Headers[3], []).ToByteArray()];
        for (var length = 0; length < bytes.Length; length++)
            Assert.False(TryRead(bytes.AsSpan(0, length), out _));
        Assert.True(TryRead(bytes, out var payload));
        Assert.Equal(new byte[] { 1, 2, 3, 4 }, payload);

        bool TryRead(ReadOnlySpan<byte> part, out byte[] payload)
        {
            var isEnough = FrameCodec.TryRead(
                part, bytes.Length, out var header, out var start, out var count);
            payload = isEnough ? bytes[start..(start + count)] : [];
            return isEnough && header == Headers[3];
        }
    }

    [Fact]
    public void TornMessagesAreRefused()
    {
        var bytes = FrameOf(Headers[3], [1, 2, 3, 4]).ToByteArray();
        for (var length = 1; length < bytes.Length; length++)
        {
            try
            {
                // Of whole fields without the last ones there may be a message.
                Assert.True(FrameCodec.TryRead(
                    bytes.AsSpan(0, length), length, out _, out _, out var payloadBytes));
                Assert.Equal(0, payloadBytes);
            }
            catch (InvalidDataException torn)
            {
                Assert.NotEmpty(torn.Message);
            }
        }
    }

    internal static Frame FrameOf(FrameHeader header, byte[] payload) => new()
    {
        Job = header.Job,
        Generation = header.Generation,
        Step = header.Step,
        Bucket = header.Bucket,
        Phase = header.Phase,
        Node = header.Node,
        Offset = header.Offset,
        Length = header.Length,
        Checksum = header.Checksum,
        ElementFormat = (int)header.Format,
        Payload = ByteString.CopyFrom(payload),
    };

    private static FrameHeader HeaderOf(Frame frame) => new(
        frame.Job, frame.Generation, frame.Step, frame.Bucket, frame.Phase, frame.Node,
        frame.Offset, frame.Length, frame.Checksum, (ElementFormat)frame.ElementFormat);
}
