using System.Buffers;
using Distributed.Collectives.Transport;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Protocol;
using Google.Protobuf;

namespace Distributed.Runtime.Tests.DataPlane;

/// <summary>
/// Goal: our codec and protobuf's read each other. Method: random headers, extremes included,
/// through the generated class in both directions, split at every byte.
/// </summary>
public sealed class FrameCodecTests
{
    private static readonly FrameHeader[] Headers =
    [
        default,
        new(ulong.MaxValue, int.MaxValue, long.MaxValue, int.MaxValue, 1, int.MaxValue,
            long.MaxValue, int.MaxValue, uint.MaxValue),
        new(1, -1, -1, int.MinValue, -1, -1, long.MinValue, -1, 7),
        new(42, 3, 1000, 2, 1, 5, 1 << 20, 262_144, 0x1234_5678),
    ];

    [Fact]
    public void ProtobufReadsWhatWeWrite()
    {
        foreach (var header in Headers)
        {
            var bytes = new byte[FrameCodec.HeaderBytesMax + 3];
            var (length, _) = FrameCodec.WriteHeader(header, 3, bytes);
            (bytes[length], bytes[length + 1], bytes[length + 2]) = (7, 8, 9);
            var frame = Frame.Parser.ParseFrom(bytes, 0, length + 3);
            Assert.Equal(header with { Checksum = 0 }, HeaderOf(frame));
            Assert.Equal(new byte[] { 7, 8, 9 }, frame.Payload.ToByteArray());
        }
    }

    [Fact]
    public void WeReadWhatProtobufWrites()
    {
        foreach (var header in Headers)
        {
            var bytes = FrameOf(header, [1, 2, 3, 4]).ToByteArray();
            for (var split = 0; split <= bytes.Length; split++)
            {
                var first = new Segment(bytes.AsMemory(0, split), null);
                var last = new Segment(bytes.AsMemory(split), first);
                var message = new ReadOnlySequence<byte>(first, 0, last, bytes.Length - split);
                Assert.Equal(header, FrameCodec.Read(message, out var payload));
                Assert.Equal(new byte[] { 1, 2, 3, 4 }, payload.ToArray());
            }
        }
    }

    [Fact]
    public void TornMessagesAreRefused()
    {
        var bytes = FrameOf(Headers[3], [1, 2, 3, 4]).ToByteArray();
        for (var length = 1; length < bytes.Length; length++)
        {
            var message = new ReadOnlySequence<byte>(bytes, 0, length);
            try
            {
                FrameCodec.Read(message, out var payload);
                Assert.True(payload.IsEmpty);
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
        Payload = ByteString.CopyFrom(payload),
    };

    private static FrameHeader HeaderOf(Frame frame) => new(
        frame.Job, frame.Generation, frame.Step, frame.Bucket, frame.Phase, frame.Node,
        frame.Offset, frame.Length, frame.Checksum);

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is null) return;
            previous.Next = this;
            RunningIndex = previous.Memory.Length;
        }
    }
}
