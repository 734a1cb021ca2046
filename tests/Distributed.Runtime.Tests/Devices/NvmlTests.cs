using System.Diagnostics;
using System.Runtime.InteropServices;
using Distributed.Cluster.Coordination;
using Distributed.Kernel;
using Distributed.Runtime.Devices;
using Distributed.Runtime.Workers;

namespace Distributed.Runtime.Tests.Devices;

/// <summary>
/// Goal: the calls into the driver's library have the right names, arguments and layouts, shown by
/// a library of the same functions that the compiler makes here.
/// </summary>
public sealed unsafe class NvmlTests : IDisposable
{
    private const int IsLost = 15;

    private readonly string _folder = Directory.CreateTempSubdirectory("nvml-tests-").FullName;
    private readonly string _path;
    private readonly nint _library;

    public NvmlTests()
    {
        _path = Path.Combine(_folder, Nvml.LibraryName);
        string source = Path.Combine(AppContext.BaseDirectory, "Devices", "fake_nvml.cpp");
        using var compiler = Process.Start(
            "g++", ["-shared", "-fPIC", "-Wall", "-Werror", "-o", _path, source]);
        compiler.WaitForExit();
        Assert.Equal(0, compiler.ExitCode);
        _library = NativeLibrary.Load(_path);
    }

    public void Dispose()
    {
        NativeLibrary.Free(_library);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void TheDriverAndItsDevicesAreRead()
    {
        using Nvml driver = Nvml.TryOpen(_path, out string reason)!;
        Assert.Equal("", reason);
        DriverReport report = driver.Report;
        Assert.Equal(("550.54.15", 12, 4), (report.Version, report.CudaMajor, report.CudaMinor));
        Assert.Equal<DriverDevice>(
            [new(0, "NVIDIA H200", "GPU-0"), new(1, "NVIDIA H200", "GPU-1")], report.Devices);
        Set(device: 0, errors: 7);
        Assert.Equal(
            new DeviceSample(5_000_000_000, 100_000_000_000, 0.75, 7, ""), driver.Sample(0));
        Assert.Equal(10_000_000_000, driver.Sample(1).UsedBytes);
    }

    [Fact]
    public void ADeviceThatIsGoneIsTold()
    {
        using Nvml driver = Nvml.TryOpen(_path, out _)!;
        Set(device: IsLost, errors: 0);
        Assert.Contains("fallen off the bus", driver.Sample(1).Trouble, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatADeviceDoesNotSupportIsNoTrouble()
    {
        using Nvml driver = Nvml.TryOpen(_path, out _)!;
        Set(device: 3, errors: 0);
        Assert.Equal("", driver.Sample(0).Trouble);
    }

    [Fact]
    public void ItIsClosedOnceAndAskedNoMoreAfterwards()
    {
        Nvml driver = Nvml.TryOpen(_path, out _)!;
        Assert.Equal(1, Users());
        driver.Dispose();
        driver.Dispose();
        Assert.Equal(0, Users());
        Assert.Equal(new DeviceSample(0, 0, 0, 0, ""), driver.Sample(0));
    }

    [Theory]
    [InlineData(9, "the driver is not loaded")]
    [InlineData(18, "of different versions")]
    public void ADriverThatDoesNotStartIsNoneAndSaysWhy(int status, string expected)
    {
        Set(init: status);
        Assert.Null(Nvml.TryOpen(_path, out string reason));
        Assert.Contains(expected, reason, StringComparison.Ordinal);
    }

    [Fact]
    public void AMachineWithoutTheLibraryHasNoDriver()
    {
        string absent = Path.Combine(_folder, "absent.so.1");
        Assert.Null(Nvml.TryOpen(absent, out string reason));
        Assert.Equal($"{absent} is not there", reason);
    }

    /// <summary>CUDA's first device is the driver's second.</summary>
    [Fact]
    public void AWorkersVitalsAreThoseOfItsOwnDevice()
    {
        using var devices = new DeviceChooser(
            DeviceRequest.Auto, 0, () => Nvml.TryOpen(_path, out _), visible: "1");
        Assert.Equal("NVIDIA H200, GPU-1", devices.Identify("cuda:0"));
        Assert.Equal("", devices.Identify("cuda:1"));
        (DeviceSample sample, string? lost) = devices.Sample("cuda:0")!.Value;
        Assert.Null(lost);
        Assert.Equal(
            new WorkerVitals("cuda:0", 1, 9, 10_000_000_000, 100_000_000_000, 0.75),
            VitalsTimer.Vitals("cuda:0", 1, 9, utilisation: 0.1, sample));

        Set(device: 0, errors: 1);
        lost = devices.Sample("cuda:0")!.Value.Lost;
        Assert.StartsWith(
            "cuda:0 (NVIDIA H200, GPU-1) is lost: uncorrectable ECC", lost,
            StringComparison.Ordinal);
        Assert.Null(devices.Sample("cuda:0")!.Value.Lost);
    }

    [Fact]
    public void ACpuHasNoDriver()
    {
        using var devices = new DeviceChooser(
            DeviceRequest.Auto, 0, () => throw new InvalidOperationException("not asked"), null);
        Assert.Null(devices.Sample("cpu"));
        Assert.Equal(
            new WorkerVitals("cpu", 1, 9, 0, 0, 0.1),
            VitalsTimer.Vitals("cpu", 1, 9, utilisation: 0.1, sample: null));
    }

    private void Set(int init = 0, int device = 0, ulong errors = 0) =>
        ((delegate* unmanaged<int, int, ulong, void>)NativeLibrary.GetExport(
            _library, "fake_set"))(init, device, errors);

    private int Users() =>
        ((delegate* unmanaged<int>)NativeLibrary.GetExport(_library, "fake_users"))();
}
