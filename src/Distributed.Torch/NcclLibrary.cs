using System.Diagnostics.CodeAnalysis;

namespace Distributed.Torch;

/// <summary>NVIDIA's library of collectives between GPUs, which not every machine has.</summary>
/// <param name="Version">Such as 2.27.3.</param>
/// <param name="File">Where it was loaded from.</param>
public sealed record NcclLibrary(string Version, string File)
{
    /// <summary>Bytes of what names a group of ranks.</summary>
    public const int IdLength = 128;

    /// <summary>
    /// Loads it, once for the process: the one that libtorch is linked to, that of its wheel's
    /// neighbour, or the system's. Any thread may ask.
    /// </summary>
    /// <param name="reason">Why there is none; empty where there is.</param>
    /// <param name="library">What was loaded; null where there is none.</param>
    /// <param name="path">A file to load instead; empty for none.</param>
    public static unsafe bool TryLoad(
        out string reason, [NotNullWhen(true)] out NcclLibrary? library, string path = "")
    {
        (reason, library) = ("", null);
        if (!TorchLibrary.IsAvailable(out reason))
            return false;
        try
        {
            NativeMethods.Check(NativeMethods.NcclLoad(path));
        }
        catch (TorchException failure) when (failure.Code == TorchErrorCode.NcclError)
        {
            reason = failure.Message;
            return false;
        }
        var values = NativeMethods.ReadText(NativeMethods.NcclDescribe)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair[1]);
        library = new NcclLibrary(values["version"], values["file"]);
        return true;
    }

    /// <summary>
    /// Names a new group; one of its ranks draws it, and tells all others.
    /// </summary>
    /// <exception cref="TorchException">NCCL finds no network interface to listen on.</exception>
    public static unsafe byte[] DrawId()
    {
        var id = new byte[IdLength];
        fixed (byte* start = id)
            NativeMethods.Check(NativeMethods.NcclUniqueId(start));
        return id;
    }
}
