using System.Buffers.Binary;
using System.Text.Json;
using Distributed.Kernel;

namespace Distributed.Training.Checkpoints;

/// <summary>
/// Writes the safetensors format: the header's length in 8 bytes, a JSON header that is padded
/// with spaces to a multiple of 8, and the tensors' bytes one after another, little-endian.
/// </summary>
public static class SafeTensors
{
    internal const string Float32Word = "F32";
    internal const string Int64Word = "I64";
    internal const string MetadataKey = "__metadata__";

    /// <summary>The format's own limit for a header.</summary>
    internal const int HeaderLengthMax = 100_000_000;

    private const int Alignment = 8;

    /// <summary>The bytes that <see cref="Write"/> will write.</summary>
    public static long FileLength(
        IReadOnlyList<CheckpointTensor> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var header = Header(tensors, metadata);
        return sizeof(ulong) + header.Length + tensors.Sum(tensor => tensor.ByteLength);
    }

    public static void Write(
        Stream stream, IReadOnlyList<CheckpointTensor> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        Invariant.Check(BitConverter.IsLittleEndian, "safetensors files are little-endian");
        var header = Header(tensors, metadata);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var tensor in tensors)
            tensor.WriteTo(stream);
    }

    private static byte[] Header(
        IReadOnlyList<CheckpointTensor> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(MetadataKey);
                var ordered = metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal);
                foreach (var (key, value) in ordered)
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            var names = new HashSet<string> { MetadataKey };
            var offset = 0L;
            foreach (var tensor in tensors)
            {
                Invariant.Check(names.Add(tensor.Name), $"two tensors are called {tensor.Name}");
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.ElementWord);
                json.WriteStartArray("shape");
                foreach (var size in tensor.Shape)
                    json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.ByteLength);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % Alignment != 0)
            buffer.WriteByte((byte)' ');
        Invariant.Check(buffer.Length <= HeaderLengthMax, "a safetensors header is too long");
        return buffer.ToArray();
    }
}
