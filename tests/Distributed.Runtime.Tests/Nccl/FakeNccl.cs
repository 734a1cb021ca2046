using System.Diagnostics;
using System.Runtime.InteropServices;
using Distributed.Torch;

namespace Distributed.Runtime.Tests.Nccl;

/// <summary>
/// A library with NCCL's functions that the compiler makes here, loaded by the engine in NCCL's
/// place for the rest of the process.
/// </summary>
public sealed unsafe class FakeNccl : IDisposable
{
    public const string Version = "2.27.3";

    private const int VersionCode = 22703;
    private const int OldVersionCode = 21003;

    private readonly string _folder = Directory.CreateTempSubdirectory("nccl-tests-").FullName;
    private readonly nint _library;

    public FakeNccl()
    {
        TorchLibrary.Initialize(1);
        AbsentFile = Path.Combine(_folder, "absent.so.2");
        Assert.False(NcclLibrary.TryLoad(out string absent, out _, AbsentFile));
        ReasonWhenAbsent = absent;
        string path = Path.Combine(_folder, "libnccl.so.2");
        string source = Path.Combine(AppContext.BaseDirectory, "Nccl", "fake_nccl.cpp");
        using var compiler = Process.Start(
            "g++", ["-shared", "-fPIC", "-Wall", "-Werror", "-pthread", "-o", path, source]);
        compiler.WaitForExit();
        Assert.Equal(0, compiler.ExitCode);
        _library = NativeLibrary.Load(path);
        Set(OldVersionCode, 0);
        Assert.False(NcclLibrary.TryLoad(out string old, out _, path));
        ReasonWhenOld = old;
        Set(VersionCode, 0);
        Assert.True(NcclLibrary.TryLoad(out _, out NcclLibrary? library, path));
        Library = library;
    }

    public string AbsentFile { get; }

    public string ReasonWhenAbsent { get; }

    public string ReasonWhenOld { get; }

    public NcclLibrary Library { get; }

    /// <summary>Not yet aborted.</summary>
    public int Communicators =>
        ((delegate* unmanaged<int>)NativeLibrary.GetExport(_library, "fake_communicators"))();

    /// <summary>Has every communicator tell of an internal error, or none any more.</summary>
    public void Fail(bool fails = true) => Set(VersionCode, fails ? 3 : 0);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Set(int version, int asyncResult) =>
        ((delegate* unmanaged<int, int, void>)NativeLibrary.GetExport(
            _library, "fake_set"))(version, asyncResult);
}

/// <summary>Its tests share the library, and so take turns.</summary>
[CollectionDefinition(Name)]
public sealed class NcclCollection : ICollectionFixture<FakeNccl>
{
    public const string Name = "nccl";
}
