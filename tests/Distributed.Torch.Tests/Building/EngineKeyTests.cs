using Distributed.Torch.Building;
using Distributed.Torch.Finding;

namespace Distributed.Torch.Tests.Building;

/// <summary>Goal: whatever an engine is built from gives it a key of its own, and nothing else
/// does.</summary>
public sealed class EngineKeyTests
{
    [Fact]
    public void TheSameIsTheSame()
    {
        using var folder = new TemporaryFolder();
        var (torch, source) = Prepare(folder);
        Assert.Equal(Key(torch, source), Key(torch, source));
        Assert.Matches(@"^2\.6\.0-cuda12\.4-[0-9a-f]{8}-[0-9a-f]{8}$", $"{Key(torch, source)}");
    }

    [Fact]
    public void AnotherVersionFolderCudaOrLibraryIsAnotherLibtorch()
    {
        using var folder = new TemporaryFolder();
        var (torch, source) = Prepare(folder);
        var first = Key(torch, source);
        var second = folder.WriteWheel("second", "2.6.0", "12.4");
        var newer = folder.WriteWheel("newer", "2.7.0", "12.4");
        var cpu = folder.WriteWheel("cpu", "2.6.0", null);
        string[] names = [first.Libtorch, .. new[] { second, newer, cpu }
            .Select(other => Key(other, source).Libtorch)];
        Assert.Equal(4, names.Distinct().Count());

        // A nightly build of the same version, put over it.
        File.AppendAllText($"{torch}/lib/libtorch_cpu.so", " of another day");
        Assert.NotEqual(first.Libtorch, Key(torch, source).Libtorch);
        Assert.Equal(first.Source, Key(torch, source).Source);
    }

    [Fact]
    public void HeadersOfCudaThatCameLaterAreAnotherBuild()
    {
        using var folder = new TemporaryFolder();
        var (torch, source) = Prepare(folder);
        Assert.NotEqual(
            Key(torch, source).Libtorch,
            Key(torch, source, "/usr/local/cuda/include/cuda_runtime_api.h").Libtorch);
    }

    [Fact]
    public void AChangedAddedOrRenamedSourceIsAnotherSource()
    {
        using var folder = new TemporaryFolder();
        var (torch, source) = Prepare(folder);
        var keys = new List<EngineKey> { Key(torch, source) };
        folder.Write("native/abi.cpp", "changed");
        keys.Add(Key(torch, source));
        folder.Write("native/kernels/new.cpp");
        keys.Add(Key(torch, source));
        File.Move(folder["native/abi.cpp"], folder["native/interface.cpp"]);
        keys.Add(Key(torch, source));
        Assert.Equal(keys.Count, keys.Select(key => key.Source).Distinct().Count());
        Assert.Single(keys.Select(key => key.Libtorch).Distinct());
    }

    [Fact]
    public void AProgramInACloneUsesItsSourceAndAnInstalledOneWhatCameWithIt()
    {
        using var folder = new TemporaryFolder();
        folder.Write("clone/src/Distributed.Torch/native/CMakeLists.txt");
        folder.Write("installed/native/CMakeLists.txt");
        Assert.Equal(
            new EngineFolders(
                folder["clone/src/Distributed.Torch/native"], folder["clone/build/native"],
                IsBuildOutput: true),
            EngineFolders.Of(folder["clone/tests/X/bin"], _ => null));
        Assert.False(EngineFolders.Of(folder["clone/carried"], _ => null).IsBuildOutput);
        string? Home(string name) => name == "HOME" ? "/home/me" : null;
        Assert.Equal(
            new EngineFolders(
                folder["installed/native"], "/home/me/.cache/distributed/native",
                IsBuildOutput: false),
            EngineFolders.Of(folder["installed"], Home));
        Assert.Equal(
            new EngineFolders(null, "/cache/distributed/native", IsBuildOutput: false),
            EngineFolders.Of(folder.Path, name => name == "XDG_CACHE_HOME" ? "/cache" : null));
    }

    private static (string Torch, string Source) Prepare(TemporaryFolder folder)
    {
        folder.Write("native/abi.cpp", "int one;");
        return (folder.WriteWheel("torch", "2.6.0", "12.4"), folder["native"]);
    }

    private static EngineKey Key(string torch, string source, params string[] cudaHeaders) =>
        EngineKey.Of(LibtorchFolders.Read(torch).Found!, cudaHeaders, source);
}
