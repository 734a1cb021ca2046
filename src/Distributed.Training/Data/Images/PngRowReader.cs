using System.Buffers.Binary;
using System.IO.Compression;

namespace Distributed.Training.Data;

/// <summary>
/// Reads an 8-bit grey or RGB PNG row by row from a stream, so that a sprite of ten thousand images
/// never has to be whole in memory. Bad content is an InvalidDataException, as everywhere in
/// System.IO. Interlaced, palette and 16-bit files are refused: no dataset's sprites use them.
/// </summary>
internal sealed class PngRowReader : IDisposable
{
    private const ulong Signature = 0x89504E470D0A1A0A;
    private const int HeaderBytes = 13;

    /// <summary>Keeps a damaged width from asking for memory without bound.</summary>
    private const int WidthMax = 1 << 16;

    private readonly PngPixelStream _compressed;
    private readonly ZLibStream _rows;
    private readonly byte[] _row;
    private readonly byte[] _previous;
    private readonly byte[] _filter = new byte[1];

    public PngRowReader(Stream file)
    {
        Span<byte> start = stackalloc byte[8];
        if (file.ReadAtLeast(start, 8, throwOnEndOfStream: false) < 8
            || BinaryPrimitives.ReadUInt64BigEndian(start) != Signature)
        {
            throw new InvalidDataException("no PNG signature");
        }
        _compressed = new PngPixelStream(file);
        var header = _compressed.ReadHeader(HeaderBytes);
        Width = BinaryPrimitives.ReadInt32BigEndian(header);
        Height = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4));
        var (depth, colour, interlace) = (header[8], header[9], header[12]);
        if (depth != 8 || colour is not (0 or 2) || interlace != 0
            || Width is < 1 or > WidthMax || Height < 1)
        {
            throw new InvalidDataException(
                $"PNG of {Width}x{Height}, bit depth {depth}, colour type {colour}, interlace "
                + $"{interlace}: expected 8-bit grey or RGB, not interlaced");
        }
        Channels = colour == 0 ? 1 : 3;
        _rows = new ZLibStream(_compressed, CompressionMode.Decompress);
        _row = new byte[Width * Channels];
        _previous = new byte[Width * Channels];
    }

    public int Width { get; }

    public int Height { get; }

    public int Channels { get; }

    /// <summary>The next row, its pixels interleaved; valid until the next call.</summary>
    public ReadOnlySpan<byte> ReadRow()
    {
        try
        {
            _row.CopyTo(_previous, 0);
            _rows.ReadExactly(_filter);
            _rows.ReadExactly(_row);
        }
        catch (EndOfStreamException error)
        {
            throw new InvalidDataException("PNG ends before its last row", error);
        }
        Unfilter(_filter[0], _row, _previous, Channels);
        return _row;
    }

    public void Dispose() => _rows.Dispose();

    private static void Unfilter(byte filter, Span<byte> row, ReadOnlySpan<byte> above, int step)
    {
        switch (filter)
        {
            case 0:
                break;
            case 1:
                for (var index = step; index < row.Length; index++)
                {
                    row[index] += row[index - step];
                }
                break;
            case 2:
                for (var index = 0; index < row.Length; index++)
                {
                    row[index] += above[index];
                }
                break;
            case 3:
                for (var index = 0; index < row.Length; index++)
                {
                    var left = index < step ? 0 : row[index - step];
                    row[index] += (byte)((left + above[index]) / 2);
                }
                break;
            case 4:
                for (var index = 0; index < row.Length; index++)
                {
                    row[index] += index < step
                        ? above[index]
                        : Paeth(row[index - step], above[index], above[index - step]);
                }
                break;
            default:
                throw new InvalidDataException($"PNG row filter {filter}, expected 0 to 4");
        }
    }

    /// <summary>
    /// The neighbour nearest to left + above - corner; left wins over above on a tie.
    /// </summary>
    private static byte Paeth(int left, int above, int corner)
    {
        var toLeft = Math.Abs(above - corner);
        var toAbove = Math.Abs(left - corner);
        var toCorner = Math.Abs(left + above - corner - corner);
        return (byte)(toLeft <= toAbove && toLeft <= toCorner ? left
            : toAbove <= toCorner ? above : corner);
    }
}
