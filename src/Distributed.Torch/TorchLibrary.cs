using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

using Distributed.Kernel;

namespace Distributed.Torch;

/// <summary>
/// Loads the engine. Loading libtorch takes most of a second, so only a process that trains or
/// evaluates calls <see cref="Initialize"/>.
/// </summary>
public static class TorchLibrary
{
    private const string FileName = "libdistributed_torch.so";
    private const string WhatToDo =
        "install it with: apt-get install libtorch-dev libopenblas0-pthread cmake g++, "
        + "then build again";

    private static readonly Lock s_gate = new();
    private static nint s_library;
    private static bool s_resolverSet;
    private static volatile bool s_initialized;

    /// <summary>
    /// Loads the engine and fixes its threads and its device ("cpu", "cuda" or "cuda:N"). May be
    /// called again, also with another thread count; the device stays.
    /// </summary>
    /// <exception cref="OperatingException">
    /// The engine was not built or libtorch is not installed; the message says what to do.
    /// </exception>
    public static void Initialize(int threadCount, string device = "cpu")
    {
        lock (s_gate)
        {
            if (!TryLoad(out var reason))
                throw new OperatingException(reason);
            NativeMethods.Check(NativeMethods.Initialize(threadCount, device));
            s_initialized = true;
        }
    }

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
        var text = NativeMethods.ReadText(NativeMethods.RuntimeDescribe);
        var values = text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair[1]);
        return new TorchRuntime(
            int.Parse(values["engine"]), values["libtorch"], values["blasCore"],
            values["cpuCapability"], values["oneDnnIsa"], values["cuda"] == "1",
            int.Parse(values["threads"]), values["device"]);
    }

    /// <summary>Native models and buffers that are alive: what a leak would make grow.</summary>
    public static long LiveHandles =>
        NativeBuffer.LiveCount + (s_initialized ? NativeMethods.LiveHandles() : 0);

    internal static void RequireInitialized() =>
        Invariant.Check(s_initialized, "TorchLibrary.Initialize must come before any model");

    private static bool TryLoad([NotNullWhen(false)] out string? reason)
    {
        reason = null;
        if (s_library != 0)
            return true;
        var path = Path.Combine(
            Path.GetDirectoryName(typeof(TorchLibrary).Assembly.Location) is { Length: > 0 } folder
                ? folder : AppContext.BaseDirectory,
            FileName);
        if (!File.Exists(path))
        {
            reason = $"the engine over libtorch was not built ({FileName} is missing); {WhatToDo}";
            return false;
        }
        PrepareEnvironment();
        try
        {
            s_library = NativeLibrary.Load(path);
        }
        catch (DllNotFoundException failure)
        {
            reason = $"libtorch cannot be loaded ({FirstLine(failure.Message)}); {WhatToDo}";
            return false;
        }
        if (!s_resolverSet)
        {
            NativeLibrary.SetDllImportResolver(
                typeof(TorchLibrary).Assembly,
                (name, _, _) => name == NativeMethods.Library ? s_library : 0);
            s_resolverSet = true;
        }
        return true;
    }

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
        return lines.FirstOrDefault(line => line.Contains(".so", StringComparison.Ordinal)) ?? text;
    }
}
