using Distributed.Runtime.Devices;

namespace Distributed.Runtime.Tests.Devices;

/// <summary>Goal: CUDA's numbers are told from the driver's by CUDA's own rule.</summary>
public sealed class VisibleDevicesTests
{
    private static readonly DriverDevice[] Three =
    [
        new(0, "A", "GPU-aa11"), new(1, "B", "GPU-ab22"), new(2, "C", "GPU-cc33"),
    ];

    [Theory]
    [InlineData(null, "0 1 2")]
    [InlineData("", "")]
    [InlineData("2,0", "2 0")]
    [InlineData(" 1 , 2 ", "1 2")]
    [InlineData("0,7,1", "0")]
    [InlineData("-1,0", "")]
    [InlineData("0,0", "")]
    [InlineData("GPU-cc,0", "2 0")]
    [InlineData("GPU-a", "")]
    [InlineData("MIG-aa11", "")]
    public void EndsAtTheFirstThatNamesNoDevice(string? visible, string expected) => Assert.Equal(
        expected,
        string.Join(' ', VisibleDevices.Of(Three, visible).Select(device => device.Index)));
}
