using System.Text;

namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>
/// Writes header blocks of literals and of entries of the static table (RFC 7541): they change no
/// table of the other side, and there are few of them.
/// </summary>
internal sealed class HpackEncoder
{
    private readonly List<byte> _block = [];

    internal HpackEncoder Add(string name, string value)
    {
        var fields = HpackStaticTable.Fields;
        var whole = Array.IndexOf(fields, new HeaderField(name, value));
        if (whole >= 0)
        {
            AddNumber(0x80, prefixBits: 7, whole + 1);
            return this;
        }

        // A literal without indexing: section 6.2.2.
        var named = Array.FindIndex(fields, field => field.Name == name);
        AddNumber(0, prefixBits: 4, named + 1);
        if (named < 0) AddText(name);
        AddText(value);
        return this;
    }

    internal byte[] ToBlock() => [.. _block];

    private void AddText(string text)
    {
        AddNumber(0, prefixBits: 7, text.Length);
        _block.AddRange(Encoding.Latin1.GetBytes(text));
    }

    private void AddNumber(int flags, int prefixBits, int number)
    {
        var limit = (1 << prefixBits) - 1;
        if (number < limit)
        {
            _block.Add((byte)(flags | number));
            return;
        }

        _block.Add((byte)(flags | limit));
        for (number -= limit; number >= 0x80; number >>= 7)
            _block.Add((byte)(number | 0x80));
        _block.Add((byte)number);
    }
}
