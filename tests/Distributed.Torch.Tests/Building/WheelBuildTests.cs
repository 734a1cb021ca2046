using System.Diagnostics;
using Distributed.Torch.Building;
using Distributed.Torch.Finding;
using Xunit.Abstractions;

namespace Distributed.Torch.Tests.Building;

/// <summary>
/// Goal: the engine itself builds against a libtorch in a wheel's layout, and the captured step is
/// built where CUDA's headers are whole. Method: the distribution's libtorch, linked into such a
/// layout. Compiles the engine, so that it runs with <c>DISTRIBUTED_WHEEL=1</c> alone.
/// </summary>
public sealed class WheelBuildTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TheEngineIsBuiltAndLoadedWithAWheelsLibtorch()
    {
        if (!IsAsked())
            return;
        var wheel = LinkWheel();
        string? Variable(string name) => name switch
        {
            "LIBTORCH" => wheel,
            "XDG_CACHE_HOME" => _folder["cache"],
            _ => null,
        };
        Directory.CreateDirectory(_folder["program"]);
        Directory.CreateSymbolicLink(_folder["program/native"], Source());
        var locator = new EngineLocator(_folder["program"], Variable, () => null);
        var said = new List<string>();
        var origin = locator.Locate(said.Add);
        Assert.Equal(origin, locator.Locate(said.Add));
        Assert.Single(said);
        Assert.Contains($"{wheel}/lib", Run("readelf", "-d", origin.LibraryFile),
            StringComparison.Ordinal);
        Assert.Equal(
            $"{NativeMethods.Revision}",
            Run(
                "python3", "-c",
                "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).dt_abi_revision())",
                origin.LibraryFile).Trim());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TheCapturedStepIsBuiltOnlyWhereCudasHeadersAreWhole(bool isWhole)
    {
        if (!IsAsked())
            return;
        var wheel = LinkWheel();
        _folder.Write("torch/version.py", "cuda: Optional[str] = '13.0'\n");
        _folder.Write("torch/lib/libtorch_cuda.so");
        _folder.Write("torch/lib/libc10_cuda.so");
        _folder.Write(
            "nvidia/cu13/include/c10/cuda/CUDAStream.h", isWhole ? "" : "#include <lost.h>\n");
        _folder.Write("nvidia/cu13/include/crt/host_defines.h");
        _folder.Write("nvidia/cu13/include/cuda_runtime_api.h");
        _folder.Write("nvidia/cu13/lib/libcudart.so.13");
        var libtorch = LibtorchFolders.Read(wheel).Found!;
        var work = Directory.CreateDirectory(_folder["work"]).FullName;
        var log = new CMakeBuild(Source(), libtorch).Configure(work);
        var flags = File.ReadAllText(
            Path.Combine(work, "CMakeFiles/distributed_torch.dir/flags.make"));
        var link = File.ReadAllText(
            Path.Combine(work, "CMakeFiles/distributed_torch.dir/link.txt"));
        Assert.Equal(isWhole, flags.Contains("-DDISTRIBUTED_CUDA", StringComparison.Ordinal));
        Assert.Equal(isWhole, link.Contains("cudart", StringComparison.Ordinal));
        Assert.Contains("-ltorch_cuda", link, StringComparison.Ordinal);
        if (!isWhole)
            Assert.Contains("none that can be used", File.ReadAllText(log),
                StringComparison.Ordinal);
    }

    private bool IsAsked()
    {
        if (Environment.GetEnvironmentVariable("DISTRIBUTED_WHEEL") == "1"
            && LibtorchFolders.OfDistribution() is not null)
            return true;
        output.WriteLine("NOT CHECKED: needs DISTRIBUTED_WHEEL=1 and libtorch-dev");
        return false;
    }

    /// <summary>The headers of CUDA's side of libtorch are left to the test.</summary>
    private string LinkWheel()
    {
        foreach (var part in new[] { "ATen", "c10" })
        {
            Directory.CreateDirectory(_folder[$"torch/include/{part}"]);
            foreach (var entry in Directory.EnumerateFileSystemEntries($"/usr/include/{part}"))
            {
                if (Path.GetFileName(entry) != "cuda")
                    File.CreateSymbolicLink(
                        _folder[$"torch/include/{part}/{Path.GetFileName(entry)}"], entry);
            }
        }

        foreach (var part in new[] { "caffe2", "torch" })
            Directory.CreateSymbolicLink(_folder[$"torch/include/{part}"], $"/usr/include/{part}");
        var libraries = LibtorchFolders.OfDistribution()!.Folder;
        Directory.CreateDirectory(_folder["torch/lib"]);
        foreach (var library in new[] { "libtorch.so", "libtorch_cpu.so", "libc10.so" })
            File.CreateSymbolicLink(
                _folder[$"torch/lib/{library}"], Path.Combine(libraries, library));
        return _folder["torch"];
    }

    private static string Source() =>
        EngineFolders.Of(AppContext.BaseDirectory, _ => null).Source!;

    private static string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
        })!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return text;
    }
}
