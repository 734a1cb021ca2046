using System.Text;

namespace Distributed.Kernel.Tests;

public sealed class Crc32CTests
{
    [Theory]
    [InlineData("", 0u)]
    [InlineData("a", 0xC1D04330u)]
    [InlineData("123456789", 0xE3069283u)]
    [InlineData("The quick brown fox jumps over the lazy dog", 0x22620404u)]
    public void Texts_have_their_published_checksums(string text, uint expected) =>
        Assert.Equal(expected, Crc32C.Compute(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void The_vectors_of_RFC_3720_hold()
    {
        var ascending = Enumerable.Range(0, 32).Select(value => (byte)value).ToArray();
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.Compute(Enumerable.Repeat((byte)0xFF, 32).ToArray()));
        Assert.Equal(0x46DD794Eu, Crc32C.Compute(ascending));
        Assert.Equal(0x113FDB5Cu, Crc32C.Compute(ascending.Reverse().ToArray()));
    }

    [Fact]
    public void Every_length_and_split_agrees_with_the_definition()
    {
        var data = new byte[100];
        new Random(1).NextBytes(data);
        for (var length = 0; length <= data.Length; length++)
        {
            var expected = BitByBit(data.AsSpan(0, length));
            Assert.Equal(expected, Crc32C.Compute(data.AsSpan(0, length)));
            var split = length / 3;
            var head = Crc32C.Compute(data.AsSpan(0, split));
            Assert.Equal(expected, Crc32C.Append(head, data.AsSpan(split, length - split)));
        }
    }

    [Fact]
    public void AllPathsAgree()
    {
        var data = new byte[100_000];
        new Random(1).NextBytes(data);
        var lengths = Enumerable.Range(0, 40).Concat(
            [
                511, 512, 575, 576, 767, 768, 1023, 1024, 3071, 3072, 3073, 6144, 6151, 24_576,
                24_577, 49_153, 99_999,
            ]);
        foreach (var length in lengths)
        {
            var part = data.AsSpan(1, length);
            var expected = Crc32C.AppendPortable(0, part);
            Assert.Equal(expected, Crc32C.Compute(part));
            var head = Crc32C.Compute(part[..(length / 3)]);
            Assert.Equal(expected, Crc32C.Append(head, part[(length / 3)..]));
            var copy = new byte[length];
            Assert.Equal(expected, Crc32C.CopyAndAppend(0, part, copy));
            Assert.True(part.SequenceEqual(copy));
        }
    }

    private static uint BitByBit(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78 : 0);
            }
        }
        return ~crc;
    }
}
