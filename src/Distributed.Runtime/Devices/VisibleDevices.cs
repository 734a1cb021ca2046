using System.Globalization;

namespace Distributed.Runtime.Devices;

/// <summary>Which of the driver's GPUs CUDA shows to a process, in CUDA's order.</summary>
internal static class VisibleDevices
{
    public const string Variable = "CUDA_VISIBLE_DEVICES";

    /// <summary>
    /// CUDA's own rule: indices or beginnings of UUIDs, up to the first that names no device or
    /// names one again. Parts of GPUs (MIG) are not told apart here and count as no device.
    /// </summary>
    /// <param name="devices">In the driver's order.</param>
    /// <param name="visible">The variable; null where it is not set.</param>
    public static IReadOnlyList<DriverDevice> Of(
        IReadOnlyList<DriverDevice> devices, string? visible)
    {
        if (visible is null)
            return devices;
        var shown = new List<DriverDevice>();
        foreach (string word in visible.Split(',', StringSplitOptions.TrimEntries))
        {
            if (Find(devices, word) is not { } device)
                break;
            if (shown.Contains(device))
                return [];
            shown.Add(device);
        }

        return shown;
    }

    private static DriverDevice? Find(IReadOnlyList<DriverDevice> devices, string word)
    {
        if (int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int index))
            return index < devices.Count ? devices[index] : null;
        DriverDevice[] named =
        [
            .. devices.Where(device => word.StartsWith("GPU-", StringComparison.Ordinal)
                && device.Uuid.StartsWith(word, StringComparison.Ordinal)),
        ];
        return named.Length == 1 ? named[0] : null;
    }
}
