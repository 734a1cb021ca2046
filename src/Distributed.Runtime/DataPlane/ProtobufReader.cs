using System.Buffers.Binary;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// Walks over the fields of a protobuf message of which perhaps only the beginning is there.
/// </summary>
/// <param name="bytes">The beginning, or all of it.</param>
/// <param name="messageBytes">The length of all of it.</param>
internal ref struct ProtobufReader(ReadOnlySpan<byte> bytes, int messageBytes)
{
    internal const int Varint = 0;
    internal const int Fixed64 = 1;
    internal const int Delimited = 2;
    internal const int Fixed32 = 5;

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _at;

    /// <summary>Whether the last field reached to the message's end.</summary>
    internal readonly bool IsAtEnd => _at == messageBytes;

    /// <summary>Field number and wire type of the last field, as they are written.</summary>
    internal ulong Tag { get; private set; }

    /// <summary>The last field's value, or its length where it is delimited.</summary>
    internal ulong Value { get; private set; }

    /// <summary>Where a delimited field's bytes begin; they may not be there yet.</summary>
    internal int Start { get; private set; }

    /// <summary>False where the bytes that are there end before the field does.</summary>
    /// <exception cref="InvalidDataException">This is no protobuf message.</exception>
    internal bool TryNext()
    {
        if (!TryVarint(out var tag)) return false;
        Tag = tag;
        switch ((int)(tag & 7))
        {
            case Varint:
                if (!TryVarint(out var number)) return false;
                Value = number;
                return true;
            case Fixed64:
                if (!Has(8)) return false;
                Value = BinaryPrimitives.ReadUInt64LittleEndian(_bytes[_at..]);
                _at += 8;
                return true;
            case Fixed32:
                if (!Has(4)) return false;
                Value = BinaryPrimitives.ReadUInt32LittleEndian(_bytes[_at..]);
                _at += 4;
                return true;
            case Delimited:
                if (!TryVarint(out var length)) return false;
                if (length > (ulong)(messageBytes - _at)) throw Torn();
                (Value, Start) = (length, _at);
                _at += (int)length;
                return true;
            default:
                throw new InvalidDataException($"wire type {tag & 7} is unknown");
        }
    }

    private bool TryVarint(out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            if (!Has(1)) return false;
            var part = _bytes[_at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return true;
        }

        throw new InvalidDataException("a number is longer than ten bytes");
    }

    private readonly bool Has(int count)
    {
        if (count > messageBytes - _at) throw Torn();
        return count <= _bytes.Length - _at;
    }

    private static InvalidDataException Torn() => new("the message ends in the middle of a field");
}
