using Distributed.Kernel;
using Distributed.Torch.Building;
using Distributed.Torch.Finding;

namespace Distributed.Torch.Tests.Building;

/// <summary>
/// Goal: a program finds its libtorch and has its engine built, with the real CMake and compiler,
/// and a build that fails says why. The engine's source is a stand-in of one function, and the
/// libtorchs are folders that look like wheels.
/// </summary>
public sealed class FirstUseTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _variables = [];
    private readonly List<string> _said = [];

    public FirstUseTests()
    {
        _variables["XDG_CACHE_HOME"] = _folder["cache"];
        _folder.Write(
            "program/native/CMakeLists.txt",
            """
            cmake_minimum_required(VERSION 3.18)
            project(distributed_torch CXX)
            add_library(distributed_torch SHARED abi.cpp)
            target_compile_definitions(distributed_torch PRIVATE "LIBTORCH=\"${LIBTORCH}\"")
            """);
        _folder.Write(
            "program/native/abi.cpp", "extern \"C\" const char* libtorch() { return LIBTORCH; }");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void EachLibtorchGetsItsEngineOnceAndTheOneThatIsNamedIsTaken()
    {
        var first = _folder.WriteWheel("first/torch", "2.6.0", null);
        var second = _folder.WriteWheel("second/torch", "2.7.0", null);
        var origins = new[] { first, second, first, second }.Select(Locate).ToList();
        Assert.Equal(origins[..2], origins[2..]);
        Assert.Equal(2, _said.Count);
        Assert.Contains($"libtorch 2.7.0 without CUDA ({second})", _said[1],
            StringComparison.Ordinal);
        foreach (var (origin, wheel) in origins.Zip([first, second]))
        {
            Assert.StartsWith(_folder["cache/distributed/native/2."], origin.LibraryFile,
                StringComparison.Ordinal);
            Assert.Equal("named by LIBTORCH", origin.Reason);
            Assert.Contains(
                wheel, File.ReadAllText(origin.LibraryFile, System.Text.Encoding.Latin1),
                StringComparison.Ordinal);
        }

        _variables.Remove("LIBTORCH");
        var configured = new EngineLocator(_folder["program"], Variable, () => second).Locate(Say);
        Assert.Equal(origins[1] with { Reason = "named by torch.folder" }, configured);
    }

    [Fact]
    public void AChangedSourceIsBuiltAgain()
    {
        var wheel = _folder.WriteWheel("torch", "2.6.0", null);
        var before = Locate(wheel).LibraryFile;
        _folder.Write("program/native/abi.cpp", "extern \"C\" int changed() { return 1; }");
        var after = Locate(wheel).LibraryFile;
        Assert.NotEqual(before, after);
        Assert.Contains(
            "changed", File.ReadAllText(after, System.Text.Encoding.Latin1),
            StringComparison.Ordinal);
        Assert.True(File.Exists(before));
    }

    [Fact]
    public void ABuildThatFailsSaysTheCompilersWordsAndWhereItsLogIs()
    {
        _folder.Write("program/native/abi.cpp", "int wrong = no_such_thing;");
        var failure = Assert.Throws<OperatingException>(
            () => Locate(_folder.WriteWheel("torch", "2.6.0", null)));
        Assert.Contains("no_such_thing", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", failure.Message, StringComparison.Ordinal);
        var log = Directory.GetFiles(
            _folder.Path, "build.log", SearchOption.AllDirectories).Single();
        Assert.Contains($"all of it is in {log}", failure.Message, StringComparison.Ordinal);
        Assert.Contains("no_such_thing", File.ReadAllText(log), StringComparison.Ordinal);
    }

    [Fact]
    public void WhereTheSourceDidNotComeAlongOneThatLiesBesideTheProgramIsTaken()
    {
        Directory.Delete(_folder["program/native"], recursive: true);
        var wheel = _folder.WriteWheel("torch", "2.6.0", null);
        Assert.Contains(
            $"its source is not in {_folder["program/native"]}",
            Assert.Throws<OperatingException>(() => Locate(wheel)).Message,
            StringComparison.Ordinal);

        var library = _folder.Write("program/libdistributed_torch.so");
        Assert.Equal(library, Locate(wheel).LibraryFile);
        Assert.True(Locate(wheel).IsPrebuilt);

        // Where a clone builds it is what an older version left, and one that is named is taken.
        _folder.Write("clone/tests/X/bin/libdistributed_torch.so");
        _folder.Write("clone/src/Distributed.Torch/native/CMakeLists.txt");
        _variables[EngineLocator.LibraryVariable] = library;
        Assert.Equal(
            library,
            new EngineLocator(_folder["clone/tests/X/bin"], Variable, () => null)
                .Locate(Say).LibraryFile);
    }

    [Fact]
    public void TheCompilersFirstComplaintComesBeforeWhatMakeSaysLast()
    {
        string[] lines =
        [
            "[ 10%] Building", "abi.cpp:1:5: error: no type", "compilation terminated.", "",
            "gmake: *** [all] Error 2",
        ];
        Assert.Equal(
            "the engine over libtorch could not be built: cmake ended with 2; abi.cpp:1:5: error: "
            + "no type / gmake: *** [all] Error 2 / [ 10%] Building / compilation terminated.; all "
            + "of it is in /log; `apt-get install cmake make g++` installs what it needs",
            CMakeBuild.Explain("cmake", 2, lines, "/log"));
    }

    private EngineOrigin Locate(string libtorch)
    {
        _variables[LibtorchDecision.Variable] = libtorch;
        return new EngineLocator(_folder["program"], Variable, () => null).Locate(Say);
    }

    private string? Variable(string name) => _variables.GetValueOrDefault(name);

    private void Say(string line) => _said.Add(line);
}
