using System.Text;

namespace Distributed.Runtime.Nccl;

/// <summary>What a rank has for sums over NCCL, as it tells the other ranks.</summary>
/// <param name="Gpu">The one that its gradients lie on, by a name that no other GPU of the host
/// has; empty where they lie in the host's memory.</param>
/// <param name="Version">Of its NCCL; empty where it has none.</param>
/// <param name="Reason">Why it lacks one of the two.</param>
internal sealed record NcclOffer(string Gpu, string Version, string Reason)
{
    /// <summary>The same for all ranks, who then know how much to receive.</summary>
    public const int ByteLength = 1024;

    private const int PartLengthMax = 300;

    /// <summary>A part that is too long loses its end.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[ByteLength];
        string text = $"{Part(Gpu)}\n{Part(Version)}\n{Part(Reason)}";
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }

    public static NcclOffer FromBytes(byte[] bytes)
    {
        string[] parts = Encoding.UTF8.GetString(bytes).TrimEnd('\0').Split('\n');
        return parts.Length == 3
            ? new NcclOffer(parts[0], parts[1], parts[2])
            : new NcclOffer("", "", "it does not say what it has");
    }

    private static string Part(string text)
    {
        string line = text.ReplaceLineEndings(" ");
        while (Encoding.UTF8.GetByteCount(line) > PartLengthMax)
            line = line[..^1];
        return line;
    }
}
