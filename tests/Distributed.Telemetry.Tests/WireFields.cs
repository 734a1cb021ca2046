using System.Buffers.Binary;
using System.Text;

namespace Distributed.Telemetry.Tests;

/// <summary>
/// The fields of a protobuf message, read without the code that writes them. Numbers are told as
/// their bits.
/// </summary>
internal sealed class WireFields
{
    private readonly List<(int Number, ulong Bits, byte[]? Bytes)> fields = [];

    public WireFields(ReadOnlySpan<byte> message)
    {
        while (message.Length > 0)
        {
            var key = Varint(ref message);
            var number = (int)(key >> 3);
            Assert.InRange(number, 1, 1 << 20);
            switch (key & 7)
            {
                case 0:
                    fields.Add((number, Varint(ref message), null));
                    break;
                case 1:
                    fields.Add((number, BinaryPrimitives.ReadUInt64LittleEndian(message), null));
                    message = message[8..];
                    break;
                case 2:
                    var length = (int)Varint(ref message);
                    fields.Add((number, 0, message[..length].ToArray()));
                    message = message[length..];
                    break;
                case 5:
                    fields.Add((number, BinaryPrimitives.ReadUInt32LittleEndian(message), null));
                    message = message[4..];
                    break;
                default:
                    Assert.Fail($"field {number} has the wire type {key & 7}");
                    break;
            }
        }
    }

    public bool Has(int number) => fields.Any(field => field.Number == number);

    public long Whole(int number) =>
        (long)fields.LastOrDefault(field => field.Number == number).Bits;

    public double Double(int number) => BitConverter.Int64BitsToDouble(Whole(number));

    public float Single(int number) => BitConverter.Int32BitsToSingle((int)Whole(number));

    public byte[] Bytes(int number) =>
        fields.LastOrDefault(field => field.Number == number).Bytes ?? [];

    public string Text(int number) => Encoding.UTF8.GetString(Bytes(number));

    public WireFields Message(int number) => new(Bytes(number));

    public IReadOnlyList<byte[]> All(int number) =>
        [.. fields.Where(field => field.Number == number).Select(field => field.Bytes!)];

    public IReadOnlyList<string> Texts(int number) =>
        [.. All(number).Select(Encoding.UTF8.GetString)];

    public IReadOnlyList<WireFields> Messages(int number) =>
        [.. All(number).Select(bytes => new WireFields(bytes))];

    public IReadOnlyList<double> Doubles(int number)
    {
        var packed = Bytes(number);
        return
        [
            .. Enumerable.Range(0, packed.Length / 8)
                .Select(index => BitConverter.ToDouble(packed, 8 * index)),
        ];
    }

    public IReadOnlyList<float> Singles(int number)
    {
        var packed = Bytes(number);
        return
        [
            .. Enumerable.Range(0, packed.Length / 4)
                .Select(index => BitConverter.ToSingle(packed, 4 * index)),
        ];
    }

    private static ulong Varint(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            value |= (ulong)(bytes[0] & 127) << shift;
            var isLast = bytes[0] < 128;
            bytes = bytes[1..];
            if (isLast)
            {
                return value;
            }
        }
    }
}
