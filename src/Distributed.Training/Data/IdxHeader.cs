using System.Buffers.Binary;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>
/// The head of an IDX file: two zero bytes, the element type, the number of dimensions, then each
/// dimension as a big-endian 32-bit number. The elements follow, the last dimension fastest.
/// </summary>
internal sealed record IdxHeader(byte ElementType, IReadOnlyList<int> Dimensions)
{
    public const byte UnsignedByte = 0x08;
    public const byte Int32 = 0x0C;

    /// <summary>No dataset here has more than N, C, H, W.</summary>
    private const int DimensionsMax = 4;

    public int ByteLength => 4 + (4 * Dimensions.Count);

    public int ElementBytes => ElementType == Int32 ? 4 : 1;

    public long PayloadBytes =>
        Dimensions.Aggregate((long)ElementBytes, (bytes, size) => bytes * size);

    public long FileBytes => ByteLength + PayloadBytes;

    public string Magic => $"0x{ElementType << 8 | Dimensions.Count:X8}";

    public static IdxHeader ForImages(int count, ImageShape shape) => new(
        UnsignedByte,
        shape.Channels == 1
            ? [count, shape.Height, shape.Width]
            : [count, shape.Channels, shape.Height, shape.Width]);

    /// <summary>
    /// Labels are bytes, as MNIST's are, until there are more classes than a byte names.
    /// </summary>
    public static IdxHeader ForLabels(int count, int classCount) =>
        new(classCount <= 256 ? UnsignedByte : Int32, [count]);

    public byte[] ToBytes()
    {
        var bytes = new byte[ByteLength];
        bytes[2] = ElementType;
        bytes[3] = (byte)Dimensions.Count;
        for (var index = 0; index < Dimensions.Count; index++)
        {
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(4 + (4 * index)), Dimensions[index]);
        }
        return bytes;
    }

    /// <summary>
    /// Reads and checks the head of an open file, and the file's length against it.
    /// </summary>
    /// <param name="mend">What the reader of the message is to do about a bad file.</param>
    public static IdxHeader Read(FileStream file, string mend)
    {
        Span<byte> bytes = stackalloc byte[4 + (4 * DimensionsMax)];
        var read = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (read < 4)
        {
            throw new OperatingException(
                $"{file.Name} is truncated: {read} bytes, expected an IDX file; {mend}");
        }
        var type = bytes[2];
        int count = bytes[3];
        if (bytes[0] != 0 || bytes[1] != 0 || type is not (UnsignedByte or Int32)
            || count is 0 or > DimensionsMax)
        {
            throw new OperatingException(
                $"{file.Name} has magic 0x{BinaryPrimitives.ReadUInt32BigEndian(bytes):X8}, "
                + $"expected an IDX file of bytes (0x00000801, 0x00000803 or 0x00000804); {mend}");
        }
        if (read < 4 + (4 * count))
        {
            throw new OperatingException(
                $"{file.Name} is truncated: {read} bytes, its IDX header alone has "
                + $"{4 + (4 * count)}; {mend}");
        }
        var dimensions = new int[count];
        for (var index = 0; index < count; index++)
        {
            dimensions[index] = BinaryPrimitives.ReadInt32BigEndian(bytes[(4 + (4 * index))..]);
        }
        var header = new IdxHeader(type, dimensions);
        header.CheckLength(file.Name, file.Length, mend);
        return header;
    }

    private void CheckLength(string path, long actualBytes, string mend)
    {
        if (Dimensions.Any(size => size < 0)
            || Dimensions.Aggregate((double)ElementBytes, (bytes, size) => bytes * size) > 1e15)
        {
            throw new OperatingException(
                $"{path} has impossible dimensions {string.Join('x', Dimensions)}; {mend}");
        }
        if (actualBytes != FileBytes)
        {
            var what = actualBytes < FileBytes ? "is truncated" : "is too long";
            throw new OperatingException(
                $"{path} {what}: {actualBytes} bytes, expected {FileBytes} for "
                + $"{string.Join('x', Dimensions)}; {mend}");
        }
    }
}
