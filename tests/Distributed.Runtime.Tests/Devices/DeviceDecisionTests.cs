using Distributed.Kernel;
using Distributed.Runtime.Devices;
using Distributed.Torch;

namespace Distributed.Runtime.Tests.Devices;

/// <summary>
/// Goal: the run's word is stronger than the worker's, GPUs go round the slots, and whoever cannot
/// have what he asked for is told what there is, what was expected and what to do.
/// </summary>
public sealed class DeviceDecisionTests
{
    private static readonly DeviceSituation CpuOnly = new(
        new TorchDevices("1.13.1", "/lib/libtorch_cpu.so", null, 0), null, null, null);

    private static readonly DeviceSituation TwoGpus = new(
        new TorchDevices("2.6.0", "/venv/torch/lib/libtorch_cpu.so", "12.4", 2),
        Driver(major: 12, count: 2), null, null);

    [Theory]
    [InlineData("auto", "auto", 0, "cuda:0", "slot 0 of 2 GPUs")]
    [InlineData("auto", "auto", 5, "cuda:1", "slot 5 of 2 GPUs")]
    [InlineData("auto", "cpu", 0, "cpu", "worker.device is cpu")]
    [InlineData("auto", "cuda:1", 0, "cuda:1", "worker.device is cuda:1")]
    [InlineData("cuda", "auto", 3, "cuda:1", "slot 3 of 2 GPUs")]
    [InlineData("cuda", "cuda:0", 3, "cuda:0", "worker.device is cuda:0")]
    [InlineData("cuda", "cpu", 1, "cuda:1", "slot 1 of 2 GPUs")]
    [InlineData("cuda:0", "cuda:1", 1, "cuda:0", "the run's device is cuda:0")]
    [InlineData("cpu", "cuda", 0, "cpu", "the run's device is cpu")]
    public void ARunsWordIsStrongerThanAWorkersAndGpusGoRoundTheSlots(
        string run, string worker, int slot, string device, string reason) => Assert.Equal(
        new DeviceDecision(device, reason), Decide(run, worker, slot, TwoGpus));

    [Fact]
    public void WithoutAGpuAutoIsTheCpuAndSaysWhy()
    {
        DeviceDecision decision = Decide("auto", "auto", 0, CpuOnly);
        Assert.Equal("cpu", decision.Device);
        Assert.False(decision.IsGpu);
        Assert.Contains("built without CUDA", decision.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void ALibtorchWithoutCudaIsNamedWithWhatToInstall() => AssertRefused(
        Decide("cuda", "auto", 0, CpuOnly), "libtorch 1.13.1", "/lib/libtorch_cpu.so",
        "built without CUDA", "expected", "pip install torch", "LIBTORCH", "torch.folder");

    [Fact]
    public void AMissingDriverIsNamed() => AssertRefused(
        Decide("cuda", "auto", 0, Blind with { Driver = null }), "no NVIDIA driver",
        "libnvidia-ml.so.1", "expected a driver for CUDA 12.4", "--gpus all");

    [Fact]
    public void ADriverForAnOlderCudaIsNamedWithBothVersions() => AssertRefused(
        Decide("cuda:0", "auto", 0, Blind with { Driver = Driver(major: 11, count: 1) }),
        "built for CUDA 12.4", "supports CUDA 11.2", "expected", "update");

    [Fact]
    public void HiddenGpusAreNamedWithTheVariableThatHidesThem() => AssertRefused(
        Decide("auto", "cuda", 0, Blind with { VisibleDevices = "" }), "worker.device",
        "2 GPUs", "CUDA_VISIBLE_DEVICES is \"\"");

    [Fact]
    public void AnIndexBeyondTheLastGpuIsNamedWithTheRange() => AssertRefused(
        Decide("cuda:2", "auto", 0, TwoGpus with { VisibleDevices = "3,1" }), "cuda:2",
        "2 GPUs", "expected cuda:0 to cuda:1", "CUDA_VISIBLE_DEVICES is \"3,1\"");

    [Fact]
    public void AProcessKeepsItsFirstDevice()
    {
        DeviceSituation settled = TwoGpus with { Settled = "cuda:1" };
        Assert.Equal("cuda:1", Decide("auto", "auto", 0, settled).Device);
        Assert.Equal("cuda:1", Decide("cuda:1", "auto", 0, settled).Device);
        AssertRefused(
            Decide("cpu", "auto", 0, settled), "asks for cpu", "took cuda:1", "expected",
            "start the worker again");
    }

    private static DeviceSituation Blind => TwoGpus with
    {
        Torch = TwoGpus.Torch with { CudaDeviceCount = 0 },
    };

    private static DriverReport Driver(int major, int count) => new(
        "550.54.15", major, 2,
        [.. Enumerable.Range(0, count).Select(i => new DriverDevice(i, "GPU", $"GPU-{i}"))]);

    private static DeviceDecision Decide(
        string run, string worker, int slot, DeviceSituation situation) => DeviceDecision.Of(
        DeviceRequest.TryParse(run)!, DeviceRequest.TryParse(worker)!, slot, situation);

    private static void AssertRefused(DeviceDecision decision, params string[] words)
    {
        Assert.Null(decision.Device);
        foreach (string word in words)
            Assert.Contains(word, decision.Reason, StringComparison.Ordinal);
    }
}
