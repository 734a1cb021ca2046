using System.Text;
using Google.Protobuf;

namespace Distributed.Training.Export;

/// <summary>
/// A protobuf message in the making. ONNX is written with a dozen of its fields, for which the
/// wire format is less than the generated code of the whole of ONNX would be.
/// </summary>
internal sealed class ProtoMessage
{
    private readonly List<Field> fields = [];
    private int byteLength;

    public int ByteLength => byteLength;

    public ProtoMessage Int64(int number, long value) =>
        Add(new Field(
            number, WireFormat.WireType.Varint, CodedOutputStream.ComputeInt64Size(value),
            output => output.WriteInt64(value)));

    public ProtoMessage Float(int number, float value) =>
        Add(new Field(
            number, WireFormat.WireType.Fixed32, sizeof(float),
            output => output.WriteFloat(value)));

    public ProtoMessage Text(int number, string value) =>
        Bytes(number, Encoding.UTF8.GetBytes(value));

    public ProtoMessage Bytes(int number, ReadOnlyMemory<byte> value)
    {
        // Wrapped, not copied: weights are most of the file.
        var bytes = UnsafeByteOperations.UnsafeWrap(value);
        return Add(new Field(
            number, WireFormat.WireType.LengthDelimited, CodedOutputStream.ComputeBytesSize(bytes),
            output => output.WriteBytes(bytes)));
    }

    public ProtoMessage Message(int number, ProtoMessage value)
    {
        var length = value.ByteLength;
        return Add(new Field(
            number, WireFormat.WireType.LengthDelimited,
            checked(CodedOutputStream.ComputeLengthSize(length) + length),
            output =>
            {
                output.WriteLength(length);
                value.WriteTo(output);
            }));
    }

    public void WriteTo(CodedOutputStream output)
    {
        foreach (var field in fields)
        {
            output.WriteTag(field.Number, field.WireType);
            field.Write(output);
        }
    }

    private ProtoMessage Add(Field field)
    {
        fields.Add(field);
        byteLength = checked(
            byteLength + CodedOutputStream.ComputeTagSize(field.Number) + field.ByteLength);
        return this;
    }

    private sealed record Field(
        int Number, WireFormat.WireType WireType, int ByteLength, Action<CodedOutputStream> Write);
}
