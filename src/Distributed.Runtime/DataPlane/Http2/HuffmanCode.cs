namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>
/// The Huffman code of RFC 7541, appendix B. It is canonical (codes of one length are consecutive
/// and follow the symbols' order), so the lengths say all.
/// </summary>
internal static class HuffmanCode
{
    private const int LongestCode = 30;
    private const int EndOfString = 256;

    private static readonly byte[] Lengths =
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28,
        28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11,
        10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8,
        15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5,
        6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
        7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
        23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21,
        23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25,
        26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26,
        28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
    ];

    /// <summary>All symbols, by length and then by value: as their codes ascend.</summary>
    private static readonly int[] Symbols =
        [.. Enumerable.Range(0, Lengths.Length).OrderBy(symbol => Lengths[symbol])];

    /// <summary>By length: the first code, and the place of its symbol.</summary>
    private static readonly (uint Code, int Place, int Count)[] Rows = BuildRows();

    /// <summary>Appends the decoded bytes to the destination; returns how many.</summary>
    /// <exception cref="Http2Exception">
    /// The end-of-string symbol, or padding that is not the most significant bits of it, shorter
    /// than eight (RFC 7541, section 5.2).
    /// </exception>
    internal static int Decode(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        var (code, length, written) = (0u, 0, 0);
        foreach (var value in source)
        {
            for (var bit = 7; bit >= 0; bit--)
            {
                code = code << 1 | (uint)(value >> bit & 1);
                if (!TryFind(code, ++length, out var symbol)) continue;
                if (symbol == EndOfString || written == destination.Length)
                    throw Wrong("a Huffman code that is not allowed here");
                destination[written++] = (byte)symbol;
                (code, length) = (0, 0);
            }
        }

        if (length > 7 || code != (1u << length) - 1)
            throw Wrong("padding of a Huffman code that is not all ones");
        return written;
    }

    /// <summary>No code is shorter than five bits.</summary>
    internal static int DecodedBytesMax(int encodedBytes) => encodedBytes * 8 / 5;

    private static bool TryFind(uint code, int length, out int symbol)
    {
        if (length > LongestCode) throw Wrong("a Huffman code that nobody has");
        var row = Rows[length];
        var found = code - row.Code < (uint)row.Count;
        symbol = found ? Symbols[row.Place + (int)(code - row.Code)] : 0;
        return found;
    }

    private static (uint Code, int Place, int Count)[] BuildRows()
    {
        var rows = new (uint Code, int Place, int Count)[LongestCode + 1];
        var (code, place) = (0u, 0);
        for (var length = 1; length <= LongestCode; length++)
        {
            code <<= 1;
            var count = Lengths.Count(other => other == length);
            rows[length] = (code, place, count);
            (code, place) = (code + (uint)count, place + count);
        }

        return rows;
    }

    private static Http2Exception Wrong(string what) => new(Http2Error.Compression, what);
}
