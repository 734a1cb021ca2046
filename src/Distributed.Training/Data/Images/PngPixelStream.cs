using System.Buffers.Binary;

namespace Distributed.Training.Data;

/// <summary>The payload of a PNG's IDAT chunks as one stream; other chunks are skipped.</summary>
internal sealed class PngPixelStream(Stream file) : Stream
{
    private const int CrcBytes = 4;
    private static readonly byte[] HeaderType = "IHDR"u8.ToArray();
    private static readonly byte[] PixelType = "IDAT"u8.ToArray();
    private static readonly byte[] EndType = "IEND"u8.ToArray();

    private readonly byte[] _scratch = new byte[4096];
    private int _chunkBytesLeft;
    private bool _isInChunk;
    private bool _isAtEnd;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Reads the chunk that comes first in every PNG.</summary>
    public byte[] ReadHeader(int length)
    {
        var header = new byte[length];
        if (ReadChunkHead(out var bytes) is var type && !type.SequenceEqual(HeaderType)
            || bytes != length)
        {
            throw new InvalidDataException("no PNG header");
        }
        if (file.ReadAtLeast(header, length, throwOnEndOfStream: false) < length)
        {
            throw new InvalidDataException("PNG ends inside its header");
        }
        Skip(CrcBytes);
        return header;
    }

    public override int Read(Span<byte> buffer)
    {
        while (_chunkBytesLeft == 0)
        {
            if (_isAtEnd)
            {
                return 0;
            }
            if (_isInChunk)
            {
                Skip(CrcBytes);
                _isInChunk = false;
            }
            NextChunk();
        }
        var read = file.Read(buffer[..Math.Min(buffer.Length, _chunkBytesLeft)]);
        if (read == 0 && buffer.Length > 0)
        {
            throw new InvalidDataException("PNG ends inside a chunk");
        }
        _chunkBytesLeft -= read;
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException();

    private void NextChunk()
    {
        var type = ReadChunkHead(out var bytes);
        if (type.SequenceEqual(PixelType))
        {
            _isInChunk = true;
            _chunkBytesLeft = bytes;
        }
        else if (type.SequenceEqual(EndType))
        {
            _isAtEnd = true;
        }
        else
        {
            Skip((long)bytes + CrcBytes);
        }
    }

    private ReadOnlySpan<byte> ReadChunkHead(out int bytes)
    {
        var head = _scratch.AsSpan(0, 8);
        if (file.ReadAtLeast(head, 8, throwOnEndOfStream: false) < 8)
        {
            throw new InvalidDataException("PNG ends before its end chunk");
        }
        bytes = BinaryPrimitives.ReadInt32BigEndian(head);
        return bytes >= 0 ? head[4..] : throw new InvalidDataException("PNG chunk is too long");
    }

    private void Skip(long bytes)
    {
        while (bytes > 0)
        {
            var read = file.Read(_scratch, 0, (int)Math.Min(bytes, _scratch.Length));
            if (read == 0)
            {
                throw new InvalidDataException("PNG ends inside a chunk");
            }
            bytes -= read;
        }
    }
}
