using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Distributed.Kernel;

/// <summary>
/// CRC-32C (Castagnoli), by the processor's instruction where it has one.
/// </summary>
public static class Crc32C
{
    private const uint ReversedPolynomial = 0x82F63B78;

    /// <summary>
    /// The instruction has a latency of three cycles and a throughput of one, so three lanes of
    /// this many bytes are computed side by side and joined by <see cref="LaneShift"/>.
    /// </summary>
    private const int LaneBytes = 1024;

    /// <summary>Shorter data are not worth the beginning and the end of folding.</summary>
    private const int FoldedBytesMin = 512;

    private static readonly Vector512<ulong> FoldBy256Bytes = FoldBy(256);

    private static readonly Vector512<ulong> FoldBy64Bytes = FoldBy(64);

    private static readonly uint[] ByteTables = BuildByteTables();

    private static readonly uint[] LaneShift = BuildLaneShift();

    public static uint Compute(ReadOnlySpan<byte> data) => Append(0, data);

    /// <summary>
    /// The checksum of what <paramref name="checksum"/> covers followed by the data.
    /// </summary>
    public static uint Append(uint checksum, ReadOnlySpan<byte> data)
    {
        if (Sse42.X64.IsSupported)
        {
            return Pclmulqdq.V512.IsSupported && data.Length >= FoldedBytesMin
                ? ~AppendFolded(~checksum, data)
                : ~AppendX64(~checksum, data);
        }

        if (Crc32.Arm64.IsSupported) return ~AppendArm64(~checksum, data);
        return AppendPortable(checksum, data);
    }

    /// <summary>Copies the source and returns its checksum appended to the one given.</summary>
    public static uint CopyAndAppend(
        uint checksum, ReadOnlySpan<byte> source, Span<byte> destination)
    {
        // Piece by piece, so that the checksum reads what the copy has just brought into cache.
        const int PieceBytes = 24 * 1024;
        while (source.Length > PieceBytes)
        {
            source[..PieceBytes].CopyTo(destination);
            checksum = Append(checksum, destination[..PieceBytes]);
            source = source[PieceBytes..];
            destination = destination[PieceBytes..];
        }

        source.CopyTo(destination);
        return Append(checksum, destination[..source.Length]);
    }

    /// <summary>The same without special instructions: what every other path must equal.</summary>
    public static uint AppendPortable(uint checksum, ReadOnlySpan<byte> data)
    {
        var tables = ByteTables.AsSpan();
        var state = ~checksum;
        while (data.Length >= 8)
        {
            var low = BinaryPrimitives.ReadUInt32LittleEndian(data) ^ state;
            var high = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
            state = tables[1792 + (byte)low] ^ tables[1536 + (byte)(low >> 8)]
                ^ tables[1280 + (byte)(low >> 16)] ^ tables[1024 + (int)(low >> 24)]
                ^ tables[768 + (byte)high] ^ tables[512 + (byte)(high >> 8)]
                ^ tables[256 + (byte)(high >> 16)] ^ tables[(int)(high >> 24)];
            data = data[8..];
        }

        foreach (var value in data)
            state = (state >> 8) ^ tables[(byte)(state ^ value)];
        return ~state;
    }

    /// <summary>
    /// Gopal and others, "Fast CRC computation for generic polynomials using PCLMULQDQ", 2009: what
    /// has been read is multiplied down to 256 bytes that have the same remainder, four times 64
    /// side by side. Twice as fast as the instruction for checksums, which takes the last ones.
    /// </summary>
    private static uint AppendFolded(uint state, ReadOnlySpan<byte> data)
    {
        var first = Load(data, 0) ^ Vector512.CreateScalar((ulong)state);
        var (second, third, last) = (Load(data, 64), Load(data, 128), Load(data, 192));
        var at = 4 * 64;
        for (; at + 4 * 64 <= data.Length; at += 4 * 64)
        {
            first = Fold(first, FoldBy256Bytes) ^ Load(data, at);
            second = Fold(second, FoldBy256Bytes) ^ Load(data, at + 64);
            third = Fold(third, FoldBy256Bytes) ^ Load(data, at + 128);
            last = Fold(last, FoldBy256Bytes) ^ Load(data, at + 192);
        }

        second ^= Fold(first, FoldBy64Bytes);
        third ^= Fold(second, FoldBy64Bytes);
        last ^= Fold(third, FoldBy64Bytes);
        for (; at + 64 <= data.Length; at += 64)
            last = Fold(last, FoldBy64Bytes) ^ Load(data, at);
        Span<byte> rest = stackalloc byte[64];
        last.AsByte().CopyTo(rest);
        return AppendX64(AppendX64(0, rest), data[at..]);
    }

    private static Vector512<ulong> Load(ReadOnlySpan<byte> data, int at) =>
        Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(data), (nuint)at).AsUInt64();

    private static Vector512<ulong> Fold(Vector512<ulong> bits, Vector512<ulong> by) =>
        Pclmulqdq.V512.CarrylessMultiply(bits, by, 0x00)
        ^ Pclmulqdq.V512.CarrylessMultiply(bits, by, 0x11);

    /// <summary>
    /// By what both halves of 16 bytes are multiplied to move them that far to the message's end.
    /// </summary>
    private static Vector512<ulong> FoldBy(int bytes)
    {
        var pair = Vector128.Create(PowerOfX(8 * bytes + 32), PowerOfX(8 * bytes - 32));
        var pairs = Vector256.Create(pair, pair);
        return Vector512.Create(pairs, pairs);
    }

    /// <summary>The remainder of a power of x in reverse, as a factor of 33 bits.</summary>
    private static ulong PowerOfX(int exponent)
    {
        // In reverse x is one bit to the right; 1 is the highest bit.
        var remainder = 0x8000_0000u;
        for (; exponent > 0; exponent--)
            remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? ReversedPolynomial : 0);
        return (ulong)remainder << 1;
    }

    private static uint AppendX64(uint state, ReadOnlySpan<byte> data)
    {
        while (data.Length >= 3 * LaneBytes)
        {
            ref var words = ref Unsafe.As<byte, ulong>(ref MemoryMarshal.GetReference(data));
            ulong first = state, second = 0, third = 0;
            for (var word = 0; word < LaneBytes / 8; word++)
            {
                first = Sse42.X64.Crc32(first, Unsafe.Add(ref words, word));
                second = Sse42.X64.Crc32(second, Unsafe.Add(ref words, word + LaneBytes / 8));
                third = Sse42.X64.Crc32(third, Unsafe.Add(ref words, word + LaneBytes / 4));
            }

            state = ShiftByLane(ShiftByLane((uint)first) ^ (uint)second) ^ (uint)third;
            data = data[(3 * LaneBytes)..];
        }

        for (; data.Length >= 8; data = data[8..])
            state = (uint)Sse42.X64.Crc32(state, MemoryMarshal.Read<ulong>(data));
        foreach (var value in data)
            state = Sse42.Crc32(state, value);
        return state;
    }

    private static uint AppendArm64(uint state, ReadOnlySpan<byte> data)
    {
        while (data.Length >= 3 * LaneBytes)
        {
            ref var words = ref Unsafe.As<byte, ulong>(ref MemoryMarshal.GetReference(data));
            uint first = state, second = 0, third = 0;
            for (var word = 0; word < LaneBytes / 8; word++)
            {
                first = Crc32.Arm64.ComputeCrc32C(first, Unsafe.Add(ref words, word));
                second = Crc32.Arm64.ComputeCrc32C(
                    second, Unsafe.Add(ref words, word + LaneBytes / 8));
                third = Crc32.Arm64.ComputeCrc32C(
                    third, Unsafe.Add(ref words, word + LaneBytes / 4));
            }

            state = ShiftByLane(ShiftByLane(first) ^ second) ^ third;
            data = data[(3 * LaneBytes)..];
        }

        for (; data.Length >= 8; data = data[8..])
            state = Crc32.Arm64.ComputeCrc32C(state, MemoryMarshal.Read<ulong>(data));
        foreach (var value in data)
            state = Crc32.ComputeCrc32C(state, value);
        return state;
    }

    /// <summary>
    /// What a lane of zero bytes makes of a state: linear, so four table look-ups.
    /// </summary>
    private static uint ShiftByLane(uint state) =>
        LaneShift[(byte)state] ^ LaneShift[256 + (byte)(state >> 8)]
        ^ LaneShift[512 + (byte)(state >> 16)] ^ LaneShift[768 + (int)(state >> 24)];

    private static uint[] BuildByteTables()
    {
        var tables = new uint[8 * 256];
        for (var value = 0u; value < 256; value++)
        {
            var state = value;
            for (var bit = 0; bit < 8; bit++)
                state = (state >> 1) ^ ((state & 1) != 0 ? ReversedPolynomial : 0);
            tables[value] = state;
        }

        for (var entry = 256; entry < tables.Length; entry++)
        {
            var previous = tables[entry - 256];
            tables[entry] = (previous >> 8) ^ tables[(byte)previous];
        }

        return tables;
    }

    private static uint[] BuildLaneShift()
    {
        var shift = new uint[4 * 256];
        for (var bit = 0; bit < 32; bit++)
        {
            var state = 1u << bit;
            for (var zero = 0; zero < LaneBytes; zero++)
                state = (state >> 8) ^ ByteTables[(byte)state];
            var table = bit / 8 * 256;
            var weight = 1 << (bit % 8);
            for (var value = 0; value < 256; value++)
                if ((value & weight) != 0) shift[table + value] ^= state;
        }

        return shift;
    }
}
