using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

using Distributed.Kernel;
using Distributed.Torch.Building;

namespace Distributed.Torch;

/// <summary>
/// Loads the engine. Loading libtorch takes most of a second, so only a process that trains or
/// evaluates calls <see cref="Initialize"/>.
/// </summary>
public static class TorchLibrary
{
    private static readonly Lock s_gate = new();
    private static Func<string?> s_configuredFolder = () => null;
    private static EngineOrigin? s_origin;
    private static nint s_library;
    private static bool s_resolverSet;
    private static volatile bool s_initialized;
    private static volatile string? s_device;

    /// <summary>
    /// Says what the configuration names as libtorch's folder (torch.folder); empty or null where
    /// it names none. It is asked when the engine is first looked for.
    /// </summary>
    public static void Configure(Func<string?> folder)
    {
        lock (s_gate)
            s_configuredFolder = folder;
    }

    /// <summary>
    /// Decides which libtorch is used and, on the first use of it, builds the engine, which takes a
    /// minute; processes that do so at the same time wait for one of them. Loads nothing. The
    /// process keeps to what it found.
    /// </summary>
    /// <param name="say">Told in a line what takes long; null for nobody.</param>
    /// <exception cref="LibtorchMissingException">There is none.</exception>
    /// <exception cref="OperatingException">What was named is not one, or the engine cannot be
    /// built; the message says what to do.</exception>
    public static EngineOrigin Prepare(Action<string>? say = null)
    {
        lock (s_gate)
        {
            return s_origin ??= new EngineLocator(
                Path.GetDirectoryName(typeof(TorchLibrary).Assembly.Location)
                    is { Length: > 0 } folder
                    ? folder : AppContext.BaseDirectory,
                Environment.GetEnvironmentVariable, s_configuredFolder).Locate(say ?? (_ => { }));
        }
    }

    /// <summary>
    /// Loads the engine and fixes its threads and its device ("cpu", "cuda" or "cuda:N"). May be
    /// called again, also with another thread count; the device stays.
    /// </summary>
    /// <exception cref="OperatingException">
    /// The engine cannot be built or libtorch is not there; the message says what to do.
    /// </exception>
    public static void Initialize(int threadCount, string device = "cpu")
    {
        lock (s_gate)
        {
            if (!TryLoad(out var reason))
                throw new OperatingException(reason);
            NativeMethods.Check(NativeMethods.Initialize(threadCount, device));
            s_device = device;
            s_initialized = true;
        }
    }

    /// <summary>What <see cref="Initialize"/> has settled on; null before.</summary>
    public static string? Device => s_device;

    /// <summary>
    /// Whether <see cref="Initialize"/> can load the engine, and if not, why not.
    /// </summary>
    public static bool IsAvailable(out string reason)
    {
        lock (s_gate)
        {
            var available = TryLoad(out var failure);
            reason = failure ?? "";
            return available;
        }
    }

    /// <summary>What the engine runs on, for the log and the numerics fingerprint.</summary>
    public static unsafe TorchRuntime Describe()
    {
        RequireInitialized();
        var values = ReadValues(NativeMethods.RuntimeDescribe);
        return new TorchRuntime(
            int.Parse(values["engine"]), values["libtorch"], values["blasCore"],
            values["cpuCapability"], values["oneDnnIsa"], values["cuda"] == "1",
            int.Parse(values["threads"]), values["device"]);
    }

    /// <summary>
    /// What there is to choose a device from. Loads the engine, and settles nothing: it may come
    /// before <see cref="Initialize"/>.
    /// </summary>
    /// <exception cref="OperatingException">As with <see cref="Initialize"/>.</exception>
    public static unsafe TorchDevices Devices()
    {
        lock (s_gate)
        {
            if (!TryLoad(out var reason))
                throw new OperatingException(reason);
        }
        var values = ReadValues(NativeMethods.DevicesDescribe);
        return new TorchDevices(
            values["libtorch"], values["file"],
            values["cudaVersion"] == "unknown" ? null : values["cudaVersion"],
            int.Parse(values["cudaDevices"]))
        {
            HasCapture = values["captured"] == "1",
        };
    }

    /// <summary>Native models and buffers that are alive: what a leak would make grow.</summary>
    public static long LiveHandles =>
        NativeBuffer.LiveCount + (s_initialized ? NativeMethods.LiveHandles() : 0);

    internal static void RequireInitialized() =>
        Invariant.Check(s_initialized, "TorchLibrary.Initialize must come before any model");

    private static Dictionary<string, string> ReadValues(NativeMethods.Describer describe) =>
        NativeMethods.ReadText(describe)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair[1]);

    private static bool TryLoad([NotNullWhen(false)] out string? reason)
    {
        reason = null;
        if (s_library != 0)
            return true;
        EngineOrigin origin;
        try
        {
            origin = Prepare();
        }
        catch (OperatingException failure)
        {
            reason = failure.Message;
            return false;
        }
        var path = origin.LibraryFile;
        PrepareEnvironment();
        try
        {
            s_library = NativeLibrary.Load(path);
        }
        catch (DllNotFoundException failure)
        {
            reason = LoadProblem(origin, FirstLine(failure.Message));
            return false;
        }
        if (!s_resolverSet)
        {
            NativeLibrary.SetDllImportResolver(
                typeof(TorchLibrary).Assembly,
                (name, _, _) => name == NativeMethods.Library ? s_library : 0);
            s_resolverSet = true;
        }
        if (RevisionOf(s_library) is var revision && revision != NativeMethods.Revision)
        {
            // It stays loaded: libtorch does not bear to be unloaded.
            s_library = 0;
            reason = RevisionProblem(path, revision);
            return false;
        }
        var versions = VersionsOf(s_library);
        if (!IsSameRelease(versions["built"], versions["loaded"]))
        {
            s_library = 0;
            reason = VersionProblem(path, versions["built"], versions["loaded"], versions["file"]);
            return false;
        }
        return true;
    }

    /// <summary>0 for a library from before it was told.</summary>
    private static unsafe int RevisionOf(nint library) =>
        NativeLibrary.TryGetExport(library, NativeMethods.RevisionFunction, out var function)
            ? ((delegate* unmanaged<int>)function)()
            : 0;

    private static unsafe Dictionary<string, string> VersionsOf(nint library)
    {
        var function = (delegate* unmanaged<byte*, long, long*, int>)NativeLibrary.GetExport(
            library, NativeMethods.VersionsFunction);
        return ReadValues((text, capacity, out needed) =>
        {
            fixed (long* length = &needed)
                return function(text, capacity, length);
        });
    }

    /// <summary>
    /// Patches of a release keep its binary interface, and a distribution may count them
    /// differently in headers and library. What cannot be told is taken for right.
    /// </summary>
    internal static bool IsSameRelease(string built, string loaded) =>
        loaded == "unknown" || Release(built) == Release(loaded);

    private static string Release(string version) => string.Join('.', version.Split('.').Take(2));

    internal static string VersionProblem(string path, string built, string loaded, string file) =>
        $"{path} was built for libtorch {built}, and libtorch {loaded} was loaded with it "
        + $"({file}): expected the same release; remove LD_LIBRARY_PATH or what else puts that one "
        + $"before it, or name it in LIBTORCH to build the engine for it";

    internal static string LoadProblem(EngineOrigin origin, string failure) =>
        $"the engine {origin.LibraryFile} for {origin.Libtorch} ({origin.Reason}) cannot be "
        + $"loaded: {failure}; expected that libtorch to be whole (`python3 -c 'import torch'` "
        + "shows it of a wheel); "
        + (origin.IsPrebuilt
            ? "remove it or what names it to have the engine built here"
            : $"remove {Path.GetDirectoryName(origin.LibraryFile)} to have the engine built "
                + "again, or name another libtorch with LIBTORCH or torch.folder in "
                + "cluster.hocon");

    internal static string RevisionProblem(string path, int revision) =>
        $"{path} has revision {revision} of the engine's interface: expected "
        + $"{NativeMethods.Revision}, that of this program; remove it or what names "
        + "it, and the engine is built again";

    /// <summary>
    /// What the native libraries read while they are loaded. .NET's own environment is a copy that
    /// they never see, so that it has to be the C library's; a user's own value stays.
    /// </summary>
    private static void PrepareEnvironment()
    {
        // OpenBLAS does not know processors newer than itself and would pick its slowest kernels.
        if (Avx512F.IsSupported && Avx512BW.IsSupported && Avx512DQ.IsSupported
            && Avx512F.VL.IsSupported)
            SetEnvironment("OPENBLAS_CORETYPE", "SkylakeX", overwrite: false);
        else if (Avx2.IsSupported && Fma.IsSupported)
            SetEnvironment("OPENBLAS_CORETYPE", "Haswell", overwrite: false);
        // By default CUDA numbers GPUs by speed and the driver's tools by their place on the bus.
        SetEnvironment("CUDA_DEVICE_ORDER", "PCI_BUS_ID", overwrite: false);
        // Threads that OpenBLAS starts while it is loaded would not flush denormals; those that it
        // starts when Initialize sets their number do.
        SetEnvironment("OPENBLAS_NUM_THREADS", "1", overwrite: true);
    }

    private static void SetEnvironment(string name, string value, bool overwrite) =>
        Invariant.Check(
            NativeMethods.SetEnvironment(name, value, overwrite ? 1 : 0) == 0,
            "setenv failed");

    private static string FirstLine(string text)
    {
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries
            | StringSplitOptions.TrimEntries);
        // The loader's own words follow .NET's: "file: what is wrong with it".
        return lines.LastOrDefault(line => line.Contains(".so", StringComparison.Ordinal)
            && line.Contains(": ", StringComparison.Ordinal)) ?? text;
    }
}
