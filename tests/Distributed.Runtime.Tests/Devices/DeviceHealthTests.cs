using Distributed.Runtime.Devices;

namespace Distributed.Runtime.Tests.Devices;

/// <summary>
/// Goal: what CUDA and the driver say of a device that is gone names the device, and what is not
/// about a device is left alone.
/// </summary>
public sealed class DeviceHealthTests
{
    private const string Identity = "NVIDIA H200, GPU-1";

    private static readonly DeviceSample Well = new(1, 2, 0.5, 3, "");

    [Theory]
    [InlineData("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might")]
    [InlineData("CUDA error: uncorrectable ECC error encountered")]
    [InlineData("CUDA error: unspecified launch failure")]
    [InlineData("CUDA error: all CUDA-capable devices are busy or unavailable")]
    [InlineData("CUDA error: unknown error")]
    [InlineData("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED")]
    public void ALostDeviceIsNamedWithWhatToDo(string native)
    {
        string message = DeviceHealth.Explain(native, "cuda:1", Identity)!;
        Assert.StartsWith(
            $"cuda:1 ({Identity}) is lost: {native.Split('\n')[0]}; expected", message,
            StringComparison.Ordinal);
        Assert.Contains("Xid", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void TooLittleMemoryIsNotALoss()
    {
        string message = DeviceHealth.Explain(
            "CUDA out of memory. Tried to allocate 2.00 GiB", "cuda:0", "")!;
        Assert.StartsWith("the memory of cuda:0 is not enough", message, StringComparison.Ordinal);
        Assert.Contains("more logical shards", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CUDA error: an illegal memory access was encountered", "cpu")]
    [InlineData("shape '[2, 3]' is invalid for input of size 5", "cuda:0")]
    public void WhatIsNotAboutADeviceIsLeftAlone(string native, string device) =>
        Assert.Null(DeviceHealth.Explain(native, device, ""));

    [Fact]
    public void ErrorsFromBeforeAndThoseThatWereToldCountNoMore()
    {
        Assert.Null(DeviceHealth.Explain(Well, Well, "cuda:0", Identity));
        DeviceSample worse = Well with { UncorrectedErrors = 5 };
        string message = DeviceHealth.Explain(Well, worse, "cuda:0", Identity)!;
        Assert.Contains("cuda:0", message, StringComparison.Ordinal);
        Assert.Contains("ECC errors of its memory: 2", message, StringComparison.Ordinal);
        Assert.Null(DeviceHealth.Explain(worse, worse, "cuda:0", Identity));
    }

    [Fact]
    public void ADriverThatGivesADeviceUpIsBelieved()
    {
        DeviceSample gone = new(0, 0, 0, 0, "the GPU has fallen off the bus");
        Assert.Contains(
            "is lost: the GPU has fallen off the bus",
            DeviceHealth.Explain(Well, gone, "cuda:0", ""), StringComparison.Ordinal);
        Assert.Null(DeviceHealth.Explain(gone, Well, "cuda:0", ""));
    }
}
