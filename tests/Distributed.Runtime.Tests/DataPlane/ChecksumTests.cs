using System.Text;
using Distributed.Collectives.Transport;

namespace Distributed.Runtime.Tests.DataPlane;

/// <summary>
/// Goal: one CRC-32C on every processor. Method: known values, and the instruction's path against
/// the tables at every length around the lanes' borders.
/// </summary>
public sealed class ChecksumTests
{
    [Fact]
    public void KnownValues()
    {
        Assert.Equal(0xE3069283, Checksum.Compute(Encoding.ASCII.GetBytes("123456789")));
        Assert.Equal(0x8A9136AA, Checksum.Compute(new byte[32]));
        Assert.Equal(0u, Checksum.Compute([]));
    }

    [Fact]
    public void AllPathsAgree()
    {
        var data = new byte[100_000];
        new Random(1).NextBytes(data);
        var lengths = Enumerable.Range(0, 40).Concat(
            [1023, 1024, 3071, 3072, 3073, 6144, 6151, 24_576, 24_577, 49_153, 99_999]);
        foreach (var length in lengths)
        {
            var part = data.AsSpan(1, length);
            var expected = Checksum.AppendPortable(0, part);
            Assert.Equal(expected, Checksum.Compute(part));
            var head = Checksum.Compute(part[..(length / 3)]);
            Assert.Equal(expected, Checksum.Append(head, part[(length / 3)..]));
            var copy = new byte[length];
            Assert.Equal(expected, Checksum.CopyAndAppend(0, part, copy));
            Assert.True(part.SequenceEqual(copy));
        }
    }
}
