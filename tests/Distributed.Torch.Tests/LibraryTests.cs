namespace Distributed.Torch.Tests;

/// <summary>Goal: the engine says what it runs on, and refuses what it cannot run on.</summary>
public sealed class LibraryTests
{
    [Fact]
    public void DescribesWhatDecidesTheBits()
    {
        Assert.True(TorchLibrary.IsAvailable(out var reason), reason);
        TorchLibrary.Initialize(1);
        TorchLibrary.Initialize(1);
        var runtime = TorchLibrary.Describe();
        Assert.Matches(@"^\d+\.\d+\.\d+", runtime.LibtorchVersion);
        Assert.Equal(1, runtime.ThreadCount);
        Assert.Equal("cpu", runtime.Device);
        foreach (var text in new[] { runtime.BlasCore, runtime.CpuCapability, runtime.OneDnnIsa })
        {
            Assert.NotEqual("", text);
            Assert.NotEqual("unknown", text);
        }
    }

    [Fact]
    public void TellsWhichLibtorchItIsAndWhatGpusItCanUse()
    {
        TorchDevices devices = TorchLibrary.Devices();
        TorchLibrary.Initialize(1);
        Assert.Equal(TorchLibrary.Describe().LibtorchVersion, devices.LibtorchVersion);
        Assert.Contains("libtorch", devices.LibtorchFile, StringComparison.Ordinal);
        Assert.True(File.Exists(devices.LibtorchFile), devices.LibtorchFile);
        Assert.Equal(TorchLibrary.Describe().CudaAvailable, devices.CudaDeviceCount > 0);
        if (devices.CudaVersion is null)
            Assert.Equal(0, devices.CudaDeviceCount);
        Assert.Equal("cpu", TorchLibrary.Device);
    }

    [Fact]
    public void AnEngineOfAnotherInterfaceIsNamedWithBothRevisions()
    {
        int other = NativeMethods.Revision - 1;
        string problem = TorchLibrary.RevisionProblem("/lib/engine.so", other);
        Assert.Contains("/lib/engine.so", problem, StringComparison.Ordinal);
        Assert.Contains($"revision {other} ", problem, StringComparison.Ordinal);
        Assert.Contains($"expected {NativeMethods.Revision},", problem, StringComparison.Ordinal);
    }

    /// <summary>OpenBLAS must not have fallen back to the kernels of a processor of 2004.</summary>
    [Fact]
    public void TheFastBlasCoreIsPicked()
    {
        TorchLibrary.Initialize(1);
        if (System.Runtime.Intrinsics.X86.Avx2.IsSupported)
            Assert.NotEqual("Prescott", TorchLibrary.Describe().BlasCore);
    }

    [Fact]
    public void ThreadsMayChangeAndTheDeviceMayNot()
    {
        TorchLibrary.Initialize(2);
        Assert.Equal(2, TorchLibrary.Describe().ThreadCount);
        TorchLibrary.Initialize(1);
        Assert.Equal(1, TorchLibrary.Describe().ThreadCount);
        Assert.Throws<TorchException>(() => TorchLibrary.Initialize(0));
        Assert.Throws<TorchException>(() => TorchLibrary.Initialize(1, "cuda"));
        Assert.Throws<TorchException>(() => TorchLibrary.Initialize(1, "abacus"));
    }
}
