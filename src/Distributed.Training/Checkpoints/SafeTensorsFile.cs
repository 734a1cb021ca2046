using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Distributed.Kernel;
using Microsoft.Win32.SafeHandles;

namespace Distributed.Training.Checkpoints;

/// <summary>A tensor of a safetensors file; the offset counts from the file's start.</summary>
public sealed record StoredTensor(
    string Name, string ElementType, IReadOnlyList<int> Shape, long Offset, long ByteLength)
{
    public long Length => Shape.Aggregate(1L, (product, size) => product * size);
}

/// <summary>
/// A safetensors file, open for reading. Opening checks the whole header: known element types,
/// lengths that follow from the shapes, and tensors that tile the data without gap or overlap.
/// </summary>
/// <remarks>Every error is an <see cref="OperatingException"/> that names the file.</remarks>
public sealed class SafeTensorsFile : IDisposable
{
    private readonly SafeFileHandle handle;
    private readonly Dictionary<string, StoredTensor> byName = [];

    private SafeTensorsFile(string path, SafeFileHandle handle)
    {
        Path = path;
        this.handle = handle;
    }

    public string Path { get; }

    /// <summary>In the order of their data.</summary>
    public IReadOnlyList<StoredTensor> Tensors { get; private set; } = [];

    public IReadOnlyDictionary<string, string> Metadata { get; private set; } =
        new Dictionary<string, string>();

    public static SafeTensorsFile Open(string path)
    {
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(path);
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"{path} cannot be read: {exception.Message}", inner: exception);
        }
        var file = new SafeTensorsFile(path, handle);
        try
        {
            file.ReadHeader();
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public bool Contains(string name) => byName.ContainsKey(name);

    /// <summary>
    /// Reads a tensor of floats, which must have exactly the destination's length.
    /// </summary>
    public void ReadFloat32(string name, Span<float> destination)
    {
        Find(name, SafeTensors.Float32Word, destination.Length);
        const int partElements = 1 << 20;
        var offset = byName[name].Offset;
        for (var start = 0; start < destination.Length; start += partElements)
        {
            var count = Math.Min(partElements, destination.Length - start);
            ReadExactly(
                MemoryMarshal.AsBytes(destination.Slice(start, count)),
                offset + ((long)start * sizeof(float)));
        }
    }

    public void ReadInt64(string name, Span<long> destination)
    {
        Find(name, SafeTensors.Int64Word, destination.Length);
        ReadExactly(MemoryMarshal.AsBytes(destination), byName[name].Offset);
    }

    public void Dispose() => handle.Dispose();

    private void Find(string name, string elementType, int length)
    {
        if (!byName.TryGetValue(name, out var tensor))
        {
            var hint = Nearest.Of(name, byName.Keys) is { } nearest ? $" (it has {nearest})" : "";
            throw Refused($"has no tensor {name}{hint}");
        }
        if (tensor.ElementType != elementType || tensor.Length != length)
        {
            throw Refused($"has {name} with {tensor.Length} elements of {tensor.ElementType}, "
                + $"expected {length} of {elementType}");
        }
    }

    private void ReadHeader()
    {
        var fileLength = RandomAccess.GetLength(handle);
        if (fileLength < sizeof(ulong))
            throw Refused($"has {fileLength} bytes, expected a safetensors header");
        Span<byte> lengthBytes = stackalloc byte[sizeof(ulong)];
        ReadExactly(lengthBytes, 0);
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(lengthBytes);
        if (headerLength > SafeTensors.HeaderLengthMax
            || (long)headerLength > fileLength - sizeof(ulong))
        {
            throw Refused($"says that its header has {headerLength} bytes, expected at most "
                + $"{Math.Min(SafeTensors.HeaderLengthMax, fileLength - sizeof(ulong))}");
        }
        var header = new byte[headerLength];
        ReadExactly(header, sizeof(ulong));
        if (header.Length == 0 || header[0] != '{')
            throw Refused("has a header that does not begin with '{', expected JSON");
        var dataStart = sizeof(ulong) + (long)headerLength;
        try
        {
            using var document = JsonDocument.Parse(
                header, new JsonDocumentOptions { AllowDuplicateProperties = false });
            var tensors = new List<StoredTensor>();
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Name == SafeTensors.MetadataKey)
                    Metadata = ReadMetadata(property.Value);
                else
                    tensors.Add(ReadTensor(property, dataStart));
            }
            Tensors = Tiled(tensors, dataStart, fileLength);
        }
        catch (Exception exception)
            when (exception is JsonException or InvalidOperationException or FormatException
                or KeyNotFoundException)
        {
            throw Refused($"has a header that is not as expected: {exception.Message}", exception);
        }
        foreach (var tensor in Tensors)
            byName.Add(tensor.Name, tensor);
    }

    private static Dictionary<string, string> ReadMetadata(JsonElement element) =>
        element.EnumerateObject().ToDictionary(
            entry => entry.Name,
            entry => entry.Value.GetString() ?? throw new FormatException("metadata without text"));

    private StoredTensor ReadTensor(JsonProperty property, long dataStart)
    {
        var name = property.Name;
        var elementType = property.Value.GetProperty("dtype").GetString();
        var elementBytes = elementType switch
        {
            SafeTensors.Float32Word => sizeof(float),
            SafeTensors.Int64Word => sizeof(long),
            _ => throw Refused($"has {name} of {elementType}, expected "
                + $"{SafeTensors.Float32Word} or {SafeTensors.Int64Word}"),
        };
        if (property.Value.EnumerateObject().Count() != 3)
            throw Refused($"has {name} with unknown fields, expected dtype, shape, data_offsets");
        int[] shape = [.. property.Value.GetProperty("shape").EnumerateArray()
            .Select(size => size.GetInt32())];
        long[] offsets = [.. property.Value.GetProperty("data_offsets").EnumerateArray()
            .Select(offset => offset.GetInt64())];
        if (offsets.Length != 2 || offsets[0] < 0 || offsets[1] < offsets[0])
            throw Refused($"has {name} with data_offsets that are not a start and an end");
        var expected = (decimal)elementBytes;
        foreach (var size in shape)
        {
            if (size < 0)
                throw Refused($"has {name} with a negative size");
            expected *= size;
            // The product of many sizes may pass every type, so it stops where no file reaches.
            if (expected > long.MaxValue)
                throw Refused($"has {name} with a shape larger than any file");
        }
        var actual = offsets[1] - offsets[0];
        if (actual != expected)
            throw Refused($"has {name} in {actual} bytes, expected {expected} by its shape");
        return new StoredTensor(name, elementType!, shape, dataStart + offsets[0], actual);
    }

    private List<StoredTensor> Tiled(List<StoredTensor> tensors, long dataStart, long fileLength)
    {
        // Empty tensors may share a start with the tensor that follows them.
        List<StoredTensor> ordered =
            [.. tensors.OrderBy(tensor => tensor.Offset).ThenBy(tensor => tensor.ByteLength)];
        var end = dataStart;
        foreach (var tensor in ordered)
        {
            if (tensor.Offset != end)
            {
                throw Refused($"has {tensor.Name} at byte {tensor.Offset}, expected it at {end} "
                    + "where the tensor before it ends");
            }
            end += tensor.ByteLength;
        }
        if (end != fileLength)
            throw Refused($"has {fileLength} bytes, expected {end} by its header");
        return ordered;
    }

    private void ReadExactly(Span<byte> destination, long offset)
    {
        var total = 0;
        try
        {
            while (total < destination.Length)
            {
                var read = RandomAccess.Read(handle, destination[total..], offset + total);
                if (read == 0)
                    throw Refused($"ends at byte {offset + total}, expected more");
                total += read;
            }
        }
        catch (IOException exception)
        {
            throw Refused($"cannot be read: {exception.Message}", exception);
        }
    }

    private OperatingException Refused(string what, Exception? inner = null) =>
        new($"{Path} {what}", inner: inner);
}
