using System.Numerics;
using System.Runtime.InteropServices;

namespace Distributed.Telemetry;

/// <summary>
/// CRC-32C (Castagnoli), by the processor's own instruction where it has one.
/// </summary>
public static class Crc32C
{
    private const uint MaskDelta = 0xA282EAD8;

    public static uint Compute(ReadOnlySpan<byte> data) => Append(0, data);

    /// <summary>The checksum of what <paramref name="crc"/> covers, followed by the data.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        var state = ~crc;
        var words = MemoryMarshal.Cast<byte, ulong>(data);
        if (BitConverter.IsLittleEndian)
        {
            foreach (var word in words)
            {
                state = BitOperations.Crc32C(state, word);
            }
            data = data[(words.Length * sizeof(ulong))..];
        }
        foreach (var value in data)
        {
            state = BitOperations.Crc32C(state, value);
        }
        return ~state;
    }

    /// <summary>
    /// As event files store it: a checksum over data that holds its own checksum is weak, so it is
    /// rotated and shifted.
    /// </summary>
    public static uint Mask(uint crc) => BitOperations.RotateRight(crc, 15) + MaskDelta;
}
