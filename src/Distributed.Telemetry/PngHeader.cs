using System.Buffers.Binary;

namespace Distributed.Telemetry;

/// <summary>What a PNG says of itself at its start.</summary>
internal static class PngHeader
{
    private const int Length = 33;
    private const byte GreyType = 0, ColourType = 2;

    /// <summary>Null for what is no grey or RGB PNG of 8 bits.</summary>
    public static (int Width, int Height, int Channels)? TryRead(ReadOnlySpan<byte> file)
    {
        if (file.Length < Length
            || !file.StartsWith((ReadOnlySpan<byte>)[0x89, .. "PNG\r\n\x1a\n\0\0\0\rIHDR"u8])
            || file[24] != 8)
        {
            return null;
        }
        var channels = file[25] switch { GreyType => 1, ColourType => 3, _ => 0 };
        return channels == 0
            ? null
            : (BinaryPrimitives.ReadInt32BigEndian(file[16..]),
                BinaryPrimitives.ReadInt32BigEndian(file[20..]), channels);
    }
}
