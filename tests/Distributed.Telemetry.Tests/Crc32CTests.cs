using System.Text;

namespace Distributed.Telemetry.Tests;

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
    public void The_mask_is_TensorFlows()
    {
        for (uint crc = 1; crc != 0; crc <<= 1)
        {
            Assert.Equal(((crc >> 15) | (crc << 17)) + 0xA282EAD8, Crc32C.Mask(crc));
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
