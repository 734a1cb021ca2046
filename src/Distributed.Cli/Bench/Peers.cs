using System.Globalization;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using Distributed.Kernel;

namespace Distributed.Cli.Bench;

/// <summary>
/// What others have that this program is compared with: where it is installed, and how to get it.
/// </summary>
internal static class Peers
{
    public const string Gloo = "gloo";
    public const string OpenMpi = "openmpi";
    public const string PyTorch = "pytorch";

    /// <summary>
    /// PyTorch on one device: operation by operation, torch.compile, and a hand-made CUDA graph.
    /// </summary>
    public static IReadOnlyList<string> DeviceLoops { get; } = ["eager", "compile", "graph"];

    private static readonly Lazy<string?> PythonWithTorch = new(() =>
        new[] { "/usr/bin/python3", "python3" }.FirstOrDefault(python => Shell.Run(
            python, "-c",
            "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is None)")
            is { ExitCode: 0 }));

    private static readonly Lazy<bool> HasMpi = new(() =>
        Shell.Run("mpirun", "--version") is { ExitCode: 0 }
        && Shell.Run("mpicc", "--version") is { ExitCode: 0 });

    /// <summary>A Python that has torch; null where none has.</summary>
    public static string? Python => PythonWithTorch.Value;

    public static bool IsInstalled(string peer) => peer switch
    {
        Gloo or PyTorch => Python is not null,
        OpenMpi => HasMpi.Value,
        _ when DeviceLoops.Contains(peer) => Python is not null,
        _ => throw new InvariantException($"there is no peer {peer}"),
    };

    /// <summary>What the peer is made of, in packages.</summary>
    public static string PackagesOf(string peer) => peer switch
    {
        OpenMpi => "openmpi-bin libopenmpi-dev",
        _ => "python3-torch",
    };

    public static string HowToGet(string peer) =>
        $"{peer} is not installed: ./distributed bench --install-peers installs it "
        + $"(apt: {PackagesOf(peer)})";

    /// <summary>
    /// The peers to measure: those asked for, which must be there, or all that are there.
    /// </summary>
    public static IReadOnlyList<string> Choose(
        IReadOnlyList<string>? asked, IReadOnlyList<string> known, Action<string> note)
    {
        if (asked is not null)
        {
            if (asked.FirstOrDefault(peer => !IsInstalled(peer)) is { } missing)
                throw new OperatingException(HowToGet(missing), ExitCodes.BadUsage);
            return asked;
        }

        foreach (string peer in known.Where(peer => !IsInstalled(peer)))
            note(HowToGet(peer));
        return [.. known.Where(IsInstalled)];
    }

    /// <summary>A source of the peers, beside this program.</summary>
    public static string SourceOf(string file) =>
        Path.Combine(AppContext.BaseDirectory, "peers", file);

    /// <summary>The all-reduce over MPI, compiled when its source is new.</summary>
    public static string CompiledMpi()
    {
        string source = SourceOf("mpi_all_reduce.c");
        string hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(source)))[..16];
        string folder = Path.Combine(
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
                ? cache
                : Path.Combine(Environment.GetFolderPath(
                    Environment.SpecialFolder.UserProfile), ".cache"),
            "distributed", "bench");
        string program = Path.Combine(folder, $"mpi_all_reduce-{hash}");
        if (File.Exists(program))
            return program;
        Directory.CreateDirectory(folder);
        string partial = $"{program}.{Environment.ProcessId}";
        (int exitCode, string output) =
            Shell.Run("mpicc", "-O2", "-o", partial, source) ?? (1, "there is no mpicc");
        if (exitCode != 0)
        {
            throw new OperatingException(
                $"mpicc could not compile {source}: {output.ReplaceLineEndings(" ").Trim()}; "
                + "install openmpi-bin libopenmpi-dev, or leave this peer out with --peers");
        }

        File.Move(partial, program, overwrite: true);
        return program;
    }

    /// <summary>
    /// How a user who knows would start PyTorch: OpenBLAS does not know newer processors and then
    /// takes its slowest kernels.
    /// </summary>
    public static IReadOnlyDictionary<string, string> TunedEnvironment()
    {
        var tuned = new Dictionary<string, string>();
        if (Avx512F.IsSupported || Avx2.IsSupported)
            tuned["OPENBLAS_CORETYPE"] = Avx512F.IsSupported ? "SkylakeX" : "Haswell";
        if (Tcmalloc() is { } library)
            tuned["LD_PRELOAD"] = library;
        return tuned;
    }

    /// <summary>Lines for people: which peers are here, in which version.</summary>
    public static IEnumerable<string> Describe()
    {
        yield return Python is { } python
            ? $"pytorch, with gloo: {Version(python)} of {python}"
            : HowToGet(PyTorch);
        yield return HasMpi.Value
            ? $"openmpi: {Shell.Run("mpirun", "--version")!.Value.Output.Split('\n')[0]}"
            : HowToGet(OpenMpi);
        yield return Tcmalloc() is { } library
            ? $"tcmalloc: {library}"
            : "tcmalloc is not installed: ./distributed bench --install-peers installs it "
                + "(apt: libtcmalloc-minimal4)";
    }

    private static string Version(string python) => Shell.Run(
        python, "-c", "import torch; print(torch.__version__)")!.Value.Output.Trim();

    private static string? Tcmalloc() =>
        new[] { "/usr/lib", "/usr/local/lib" }.Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(
                folder, "libtcmalloc_minimal.so.4", new EnumerationOptions
                {
                    RecurseSubdirectories = true,
                    MaxRecursionDepth = 1,
                    IgnoreInaccessible = true,
                }))
            .FirstOrDefault();
}
