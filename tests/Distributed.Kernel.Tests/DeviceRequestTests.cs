namespace Distributed.Kernel.Tests;

/// <summary>Goal: every device has one text, and whatever is not one is refused.</summary>
public sealed class DeviceRequestTests
{
    [Theory]
    [InlineData("auto", DeviceKind.Auto, null)]
    [InlineData("cpu", DeviceKind.Cpu, null)]
    [InlineData("CUDA", DeviceKind.Cuda, null)]
    [InlineData("Cuda:0", DeviceKind.Cuda, 0)]
    [InlineData("cuda:15", DeviceKind.Cuda, 15)]
    public void ATextIsReadAndWrittenAgain(string text, DeviceKind kind, int? index)
    {
        DeviceRequest device = DeviceRequest.TryParse(text)!;
        Assert.Equal(new DeviceRequest(kind, index), device);
        Assert.Equal(text.ToLowerInvariant(), device.ToString());
        Assert.Equal(device, DeviceRequest.TryParse(device.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("gpu")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda: 1")]
    [InlineData("cuda:1024")]
    [InlineData("cuda:99999999999")]
    [InlineData("cpu:0")]
    public void AnythingElseIsNoDevice(string text) =>
        Assert.Null(DeviceRequest.TryParse(text));
}
