using System.Globalization;

namespace Distributed.Kernel.Tests;

/// <summary>
/// Goal: a full disk is called that, however deep the failure lies that says so. Method: failures
/// with the numbers that Linux and Windows give.
/// </summary>
public sealed class DiskErrorsTests
{
    [Theory]
    [InlineData("28")]
    [InlineData("122")]
    [InlineData("-2147024784")]
    public void AFullDiskIsCalledThat(string number)
    {
        var refused = new IOException(
            "No space left on device.", int.Parse(number, CultureInfo.InvariantCulture));

        Assert.Equal("the disk is full", DiskErrors.Reason(refused));
        Assert.Equal("the disk is full", DiskErrors.Reason(
            new OperatingException("figures.bin cannot be written", inner: refused)));
    }

    [Fact]
    public void OtherFailuresKeepTheirWords() => Assert.Equal(
        "Access to the path is denied",
        DiskErrors.Reason(new UnauthorizedAccessException("Access to the path is denied.")));
}
