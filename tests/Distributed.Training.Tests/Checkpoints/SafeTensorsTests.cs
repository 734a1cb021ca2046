using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Distributed.Kernel;
using Distributed.Training.Checkpoints;
using FsCheck.Xunit;

namespace Distributed.Training.Tests.Checkpoints;

/// <summary>
/// Goal: tensors come back to the bit, others can read our files, and no damaged file is believed.
/// Method: drawn files, a reader of a few lines in Python, golden bytes, and every kind of damage.
/// </summary>
public sealed class SafeTensorsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private string Write(
        IReadOnlyList<CheckpointTensor> tensors, Dictionary<string, string>? metadata = null)
    {
        var path = folder["file.safetensors"];
        using var stream = File.Create(path);
        SafeTensors.Write(stream, tensors, metadata);
        Assert.Equal(SafeTensors.FileLength(tensors, metadata), stream.Length);
        return path;
    }

    private string WriteRaw(string header, int dataBytes, ulong? headerLength = null)
    {
        var path = folder["raw.safetensors"];
        var text = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + text.Length + dataBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, headerLength ?? (ulong)text.Length);
        text.CopyTo(bytes, 8);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    [Fact]
    public void The_bytes_are_the_formats()
    {
        var path = Write([CheckpointTensor.Float32("a", [2], new float[] { 1, -2 })]);
        const string header = """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""";
        var padded = header.PadRight((header.Length + 7) / 8 * 8);
        var expected = new List<byte> { (byte)padded.Length, 0, 0, 0, 0, 0, 0, 0 };
        expected.AddRange(Encoding.UTF8.GetBytes(padded));
        expected.AddRange([0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]);
        Assert.Equal(expected, File.ReadAllBytes(path));
    }

    [Property(MaxTest = 60)]
    public void Tensors_come_back_to_the_bit(int seed)
    {
        var random = new Random(seed);
        var tensors = new List<CheckpointTensor>();
        var floats = new Dictionary<string, float[]>();
        for (var index = 0; index < random.Next(1, 9); index++)
        {
            int[] shape = [.. Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(5))];
            var values = new float[shape.Aggregate(1, (a, b) => a * b)];
            random.NextBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));
            floats[$"t{index}.\"é"] = values;
            tensors.Add(CheckpointTensor.Float32($"t{index}.\"é", shape, values));
        }
        tensors.Add(CheckpointTensor.Int64("count", [], new[] { long.MinValue + seed }));
        using var file = SafeTensorsFile.Open(Write(tensors, new() { ["k"] = "v\n" }));
        Assert.Equal("v\n", file.Metadata["k"]);
        Assert.Equal(tensors.Count, file.Tensors.Count);
        foreach (var (name, values) in floats)
        {
            var read = new float[values.Length];
            file.ReadFloat32(name, read);
            Assert.Equal(
                values.Select(BitConverter.SingleToUInt32Bits),
                read.Select(BitConverter.SingleToUInt32Bits));
        }
        var count = new long[1];
        file.ReadInt64("count", count);
        Assert.Equal(long.MinValue + seed, count[0]);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,8]}}""",
        "F16, expected F32 or I64")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""",
        "in 8 bytes, expected 12 by its shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "a negative size")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "expected it at")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "by its header")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", "by its header")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "a start and an end")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}""",
        "unknown fields")]
    [InlineData("""{"a":{"dtype":"F32","data_offsets":[0,8]}}""", "unknown fields")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,8]}}""",
        "larger than any file")]
    [InlineData("""{"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}""", "not as expected")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"""
        + """ "a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""",
        "not as expected")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"""
        + """ "b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""",
        "expected it at")]
    [InlineData("""{"__metadata__":{"a":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""",
        "not as expected")]
    [InlineData("""{"a":""", "not as expected")]
    [InlineData("""[1]""", "expected JSON")]
    [InlineData("", "expected JSON")]
    public void A_wrong_header_is_refused_with_the_files_name(string header, string reason)
    {
        var path = WriteRaw(header, dataBytes: 8);
        var exception = Assert.Throws<OperatingException>(() => SafeTensorsFile.Open(path));
        Assert.StartsWith(path, exception.Message, StringComparison.Ordinal);
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 62)]
    [InlineData(1_000UL)]
    public void A_header_longer_than_the_file_is_refused(ulong length) =>
        Assert.Throws<OperatingException>(() => SafeTensorsFile.Open(WriteRaw("{}", 0, length)));

    [Fact]
    public void Every_truncation_is_refused()
    {
        var path = Write([CheckpointTensor.Float32("a", [3], new float[3])]);
        var bytes = File.ReadAllBytes(path);
        for (var length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(path, bytes[..length]);
            Assert.Throws<OperatingException>(() => SafeTensorsFile.Open(path).Dispose());
        }
    }

    [Fact]
    public void A_tensor_that_is_not_there_is_named_with_the_nearest()
    {
        using var file = SafeTensorsFile.Open(
            Write([CheckpointTensor.Float32("conv1.weight", [1], new float[1])]));
        var absent = Assert.Throws<OperatingException>(
            () => file.ReadFloat32("conv1.wieght", new float[1]));
        Assert.EndsWith(
            "has no tensor conv1.wieght (it has conv1.weight)", absent.Message,
            StringComparison.Ordinal);
        Assert.Throws<OperatingException>(() => file.ReadFloat32("conv1.weight", new float[2]));
        Assert.Throws<OperatingException>(() => file.ReadInt64("conv1.weight", new long[1]));
        Assert.Throws<OperatingException>(() => SafeTensorsFile.Open(folder["absent"]));
    }

    [Fact]
    public void A_source_with_another_length_than_its_shape_is_a_broken_invariant() =>
        Assert.Throws<InvariantException>(
            () => Write([CheckpointTensor.Float32("a", [2], () => new float[3])]));

    [Fact]
    public void Python_reads_it_in_a_few_lines()
    {
        const string python = "/usr/bin/python3";
        if (!File.Exists(python))
            return;
        var path = Write(
            [
                CheckpointTensor.Float32("conv1.weight", [2, 1, 1, 1], new float[] { 0.5f, -3 }),
                CheckpointTensor.Int64("bn1.num_batches_tracked", [], new long[] { 7 }),
            ],
            new() { ["format"] = "pt" });
        const string script = """
            import json, struct, sys
            data = open(sys.argv[1], "rb").read()
            size, = struct.unpack("<Q", data[:8])
            for name, tensor in json.loads(data[8:8 + size]).items():
                if name != "__metadata__":
                    start, end = (8 + size + offset for offset in tensor["data_offsets"])
                    code = {"F32": "f", "I64": "q"}[tensor["dtype"]]
                    values = [v for v, in struct.iter_unpack("<" + code, data[start:end])]
                    print(name, tensor["shape"], values)
            """;
        var start = new ProcessStartInfo(python, ["-I", "-c", script, path])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(
            "conv1.weight [2, 1, 1, 1] [0.5, -3.0]\nbn1.num_batches_tracked [] [7]\n", output);
    }
}
