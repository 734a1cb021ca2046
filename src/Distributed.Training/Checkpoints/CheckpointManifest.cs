using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Distributed.Training.Specification;

namespace Distributed.Training.Checkpoints;

/// <summary>A file of a checkpoint, with what it must be.</summary>
public sealed record ManifestFile(string Name, long Bytes, string Sha256);

/// <summary>
/// What a checkpoint holds. The file's last field is a hash of all its other bytes, so that a
/// flipped bit in a number of the manifest is found as surely as one in a tensor.
/// </summary>
public sealed record CheckpointManifest
{
    internal const int FormatCurrent = 1;
    internal const string FileName = "manifest.json";

    /// <summary>What stands in the checksum's place while the checksum is computed.</summary>
    private static readonly string NoChecksum = new('0', 64);

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        NewLine = "\n",
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public required int Format { get; init; }

    public required long Step { get; init; }

    public required int Epoch { get; init; }

    public required DateTimeOffset Created { get; init; }

    public required string SpecificationHash { get; init; }

    public required SortedDictionary<string, double> Progress { get; init; }

    public required NumericsFingerprint Numerics { get; init; }

    public required IReadOnlyList<ManifestFile> Files { get; init; }

    public required string Checksum { get; init; }

    internal byte[] ToBytes()
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(this with { Checksum = NoChecksum }, Json);
        Encoding.ASCII.GetBytes(HashOf(bytes)).CopyTo(ChecksumIn(bytes));
        return bytes;
    }

    /// <summary>Null, with the reason, when the bytes are no whole manifest.</summary>
    internal static CheckpointManifest? Read(byte[] bytes, out string reason)
    {
        try
        {
            var manifest = JsonSerializer.Deserialize<CheckpointManifest>(bytes, Json);
            reason = manifest switch
            {
                null => "is empty",
                { Format: not FormatCurrent } =>
                    $"has format {manifest.Format}, expected {FormatCurrent}",
                _ when !HasChecksum(bytes, manifest.Checksum) =>
                    "does not have the checksum that it states",
                _ => "",
            };
            return reason.Length == 0 ? manifest : null;
        }
        catch (JsonException exception)
        {
            reason = $"is not as expected: {exception.Message}";
            return null;
        }
    }

    private static bool HasChecksum(byte[] bytes, string stated)
    {
        byte[] copy = [.. bytes];
        var place = ChecksumIn(copy);
        if (place.Length != NoChecksum.Length)
            return false;
        Encoding.ASCII.GetBytes(NoChecksum).CopyTo(place);
        return HashOf(copy) == stated;
    }

    /// <summary>The place of the checksum's digits; empty where there is none.</summary>
    private static Span<byte> ChecksumIn(byte[] bytes)
    {
        var field = "\"checksum\": \""u8;
        var start = bytes.AsSpan().LastIndexOf(field);
        return start < 0 || bytes.Length - start - field.Length < NoChecksum.Length
            ? []
            : bytes.AsSpan(start + field.Length, NoChecksum.Length);
    }

    private static string HashOf(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
