using Distributed.Cli.Bench;

namespace Distributed.Cli.Tests.Bench;

/// <summary>Sizes mean what people mean by them, and everything else is refused.</summary>
public sealed class ByteSizesTests
{
    [Theory]
    [InlineData("4", "4")]
    [InlineData("64KiB", "65536")]
    [InlineData("64 kib,1MiB", "65536 1048576")]
    [InlineData("4KiB..64KiB", "4096 16384 65536")]
    [InlineData("4KiB..20KiB", "4096 16384 20480")]
    [InlineData("1GiB..1GiB,8B", "1073741824 8")]
    public void AreRead(string text, string sizes) =>
        Assert.Equal(sizes, string.Join(' ', ByteSizes.ParseList(text)!));

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-4")]
    [InlineData("1.5MiB")]
    [InlineData("KiB")]
    [InlineData("64KB,")]
    [InlineData("8KiB..4KiB")]
    [InlineData("1..2..3")]
    [InlineData("99999999999GiB")]
    public void AreRefused(string text) => Assert.Null(ByteSizes.ParseList(text));

    [Theory]
    [InlineData(4, "4 B")]
    [InlineData(65536, "64 KiB")]
    [InlineData(65540, "65540 B")]
    [InlineData(1 << 28, "256 MiB")]
    [InlineData(1L << 30, "1 GiB")]
    public void AreWritten(long bytes, string text) => Assert.Equal(text, ByteSizes.Format(bytes));
}
