using System.Globalization;

namespace Distributed.Runtime.Devices;

/// <summary>What libtorch's and the driver's words say of a device. Pure.</summary>
internal static class DeviceHealth
{
    /// <summary>
    /// After one of these nothing that the process asks of the GPU succeeds any more: see
    /// cudaError in the documentation of the CUDA runtime.
    /// </summary>
    private static readonly string[] s_lost =
    [
        "device lost", "device has been lost", "fallen off the bus", "gpu is lost",
        "uncorrectable ecc", "uncorrectable nvlink", "unspecified launch failure",
        "illegal memory access", "illegal instruction", "misaligned address",
        "invalid address space", "invalid program counter", "hardware stack error",
        "launch timed out", "no cuda-capable device", "devices are busy or unavailable",
        "device-side assert", "driver shutting down", "external device",
        "context is destroyed", "contained error", "cudaerrorunknown", "cuda error: unknown error",
        "cudnn_status_execution_failed", "cublas_status_execution_failed",
    ];

    /// <summary>The message of a failure on a device; null where the words are not about
    /// one.</summary>
    /// <param name="nativeMessage">What the engine reported.</param>
    /// <param name="device">Such as cuda:1.</param>
    /// <param name="identity">Its name and UUID; empty where they are not known.</param>
    public static string? Explain(string nativeMessage, string device, string identity)
    {
        if (!device.StartsWith("cuda", StringComparison.Ordinal))
            return null;
        string named = identity.Length > 0 ? $"{device} ({identity})" : device;
        string words = nativeMessage.Split('\n')[0].Trim();
        if (s_lost.Any(text => nativeMessage.Contains(text, StringComparison.OrdinalIgnoreCase)))
            return Lost(named, words);
        return nativeMessage.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
            ? $"the memory of {named} is not enough: {words}; expected room for the model and a "
                + "shard of the batch; take a smaller global batch or more logical shards, or let "
                + "fewer workers share the device"
            : nativeMessage.Contains("cuda", StringComparison.OrdinalIgnoreCase)
                ? $"{named} failed: {words}"
                : null;
    }

    /// <summary>
    /// Why a device cannot be used any more, from one sample to the next; null while it can.
    /// </summary>
    public static string? Explain(
        DeviceSample before, DeviceSample now, string device, string identity)
    {
        string named = identity.Length > 0 ? $"{device} ({identity})" : device;
        if (now.Trouble.Length > 0)
            return Lost(named, now.Trouble);
        long errors = now.UncorrectedErrors - before.UncorrectedErrors;
        return errors > 0 && before.Trouble.Length == 0
            ? Lost(
                named,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"uncorrectable ECC errors of its memory: {errors} since the last look"))
            : null;
    }

    private static string Lost(string named, string why) =>
        $"{named} is lost: {why}; expected a working GPU; look for Xid in `dmesg` and at "
        + "`nvidia-smi -q`, reset it or restart the machine, then start the worker again";
}
