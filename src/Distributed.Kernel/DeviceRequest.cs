using System.Globalization;

namespace Distributed.Kernel;

/// <summary>Where the mathematics runs; auto takes a GPU where the library sees one.</summary>
public enum DeviceKind
{
    Auto,
    Cpu,
    Cuda,
}

/// <summary>A device as runs and workers ask for one: auto, cpu, cuda, or cuda:N.</summary>
/// <param name="Kind">What the device is to be.</param>
/// <param name="Index">Of a GPU of the worker's host, in CUDA's order; null leaves it to the
/// worker, and is the only value of other kinds.</param>
public sealed record DeviceRequest(DeviceKind Kind, int? Index = null)
{
    /// <summary>What messages say that was expected.</summary>
    public const string Expected = "auto, cpu, cuda or cuda:N";

    private const string CudaPrefix = "cuda:";
    private const int IndexMax = 1023;

    public static DeviceRequest Auto { get; } = new(DeviceKind.Auto);

    /// <summary>Null for any other text; capitals do not matter.</summary>
    public static DeviceRequest? TryParse(string text)
    {
        string word = text.ToLowerInvariant();
        return word switch
        {
            "auto" => Auto,
            "cpu" => new(DeviceKind.Cpu),
            "cuda" => new(DeviceKind.Cuda),
            _ => word.StartsWith(CudaPrefix, StringComparison.Ordinal)
                && int.TryParse(
                    word.AsSpan(CudaPrefix.Length), NumberStyles.None,
                    CultureInfo.InvariantCulture, out int index) && index <= IndexMax
                ? new(DeviceKind.Cuda, index)
                : null,
        };
    }

    /// <summary>The text that reads back as the same.</summary>
    public override string ToString() => Kind switch
    {
        DeviceKind.Cuda => Index is { } index
            ? string.Create(CultureInfo.InvariantCulture, $"{CudaPrefix}{index}")
            : "cuda",
        DeviceKind.Cpu => "cpu",
        _ => "auto",
    };
}
