using System.Text;

namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>
/// Decompresses the header blocks of one connection (RFC 7541). Every error ends the connection,
/// because the tables of the two sides are no longer the same.
/// </summary>
/// <param name="tableBytesMax">Our SETTINGS_HEADER_TABLE_SIZE.</param>
/// <param name="listBytesMax">The largest list of headers that is taken.</param>
internal sealed class HpackDecoder(int tableBytesMax, int listBytesMax)
{
    private readonly LinkedList<HeaderField> _recent = new();
    private int _recentBytes;
    private int _evictBeyondBytes = int.MaxValue;

    /// <exception cref="Http2Exception">The block is wrong, or too large.</exception>
    internal List<HeaderField> Decode(ReadOnlySpan<byte> block)
    {
        var fields = new List<HeaderField>();
        var bytes = 0;
        while (!block.IsEmpty)
        {
            if (block[0] >> 5 == 1)
            {
                if (fields.Count > 0) throw Wrong("a change of the table's size behind a header");
                Resize(ReadNumber(ref block, prefixBits: 5));
                continue;
            }

            var field = ReadField(ref block);
            bytes += field.Size;
            if (bytes > listBytesMax)
            {
                throw new Http2Exception(
                    Http2Error.EnhanceYourCalm,
                    $"headers of more than {listBytesMax} bytes, the largest that are taken");
            }

            fields.Add(field);
        }

        return fields;
    }

    private HeaderField ReadField(ref ReadOnlySpan<byte> block)
    {
        if (block[0] >= 0x80) return Find(ReadNumber(ref block, prefixBits: 7));
        var isKept = block[0] >= 0x40;
        var nameAt = ReadNumber(ref block, isKept ? 6 : 4);
        var name = nameAt == 0 ? ReadText(ref block) : Find(nameAt).Name;
        var field = new HeaderField(name, ReadText(ref block));
        if (isKept) Keep(field);
        return field;
    }

    private HeaderField Find(int index)
    {
        if (index == 0) throw Wrong("index 0");
        if (index <= HpackStaticTable.Fields.Length) return HpackStaticTable.Fields[index - 1];
        index -= HpackStaticTable.Fields.Length + 1;
        if (index >= _recent.Count) throw Wrong("an index beyond both tables");
        var node = _recent.First!;
        while (index-- > 0)
            node = node.Next!;
        return node.Value;
    }

    private void Keep(in HeaderField field)
    {
        _recent.AddFirst(field);
        _recentBytes += field.Size;
        Evict();
    }

    private void Resize(int bytes)
    {
        if (bytes > tableBytesMax)
            throw Wrong($"a table of {bytes} bytes, where {tableBytesMax} were offered");
        _evictBeyondBytes = bytes;
        Evict();
    }

    private void Evict()
    {
        while (_recentBytes > Math.Min(tableBytesMax, _evictBeyondBytes))
        {
            _recentBytes -= _recent.Last!.Value.Size;
            _recent.RemoveLast();
        }
    }

    private string ReadText(ref ReadOnlySpan<byte> block)
    {
        if (block.IsEmpty) throw Torn();
        var isHuffman = block[0] >= 0x80;
        var length = ReadNumber(ref block, prefixBits: 7);
        if (length > block.Length) throw Torn();
        var bytes = block[..length];
        block = block[length..];
        if (!isHuffman) return Encoding.Latin1.GetString(bytes);
        var decoded = new byte[HuffmanCode.DecodedBytesMax(length)];
        return Encoding.Latin1.GetString(decoded, 0, HuffmanCode.Decode(bytes, decoded));
    }

    /// <summary>RFC 7541, section 5.1.</summary>
    private static int ReadNumber(ref ReadOnlySpan<byte> block, int prefixBits)
    {
        var limit = (1 << prefixBits) - 1;
        var number = block[0] & limit;
        block = block[1..];
        if (number < limit) return number;
        for (var shift = 0; ; shift += 7)
        {
            if (block.IsEmpty) throw Torn();
            if (shift > 21) throw Wrong("a number of more than 28 bits");
            number += (block[0] & 0x7F) << shift;
            var isLast = block[0] < 0x80;
            block = block[1..];
            if (isLast) return number;
        }
    }

    private static Http2Exception Torn() => Wrong("the end in the middle of a header");

    private static Http2Exception Wrong(string what) =>
        new(Http2Error.Compression, $"a header block with {what}");
}
