using Distributed.Kernel;
using Google.Protobuf;

namespace Distributed.Training.Export;

/// <summary>
/// Writes a trained network as an ONNX model for inference: normalised images in (batch, channels,
/// height, width), logits out. Dropout is left out; batch norm uses its running statistics.
/// </summary>
public static class OnnxExporter
{
    internal const int OpsetVersion = 13;

    /// <summary>The oldest that knows this opset, so that old runtimes load the file too.</summary>
    private const int IrVersion = 7;

    /// <param name="metadata">Text for the model, such as class names, mean and deviation.</param>
    /// <exception cref="OperatingException">The model is too large for one ONNX file.</exception>
    public static void Write(
        Stream stream, ModelWeights weights, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ProtoMessage model;
        try
        {
            model = new ProtoMessage()
                .Int64(OnnxFields.ModelIrVersion, IrVersion)
                .Text(OnnxFields.ModelProducerName, "distributed")
                .Message(OnnxFields.ModelGraph, new OnnxGraph(weights).Build())
                .Message(OnnxFields.ModelOpsetImport,
                    new ProtoMessage().Int64(OnnxFields.OpsetVersion, OpsetVersion));
        }
        catch (OverflowException exception)
        {
            throw new OperatingException(
                $"the model {weights.Network.Model.Name} is larger than the 2 GiB of one ONNX "
                + "file; export it as safetensors", inner: exception);
        }
        var ordered = (metadata ?? new Dictionary<string, string>())
            .OrderBy(pair => pair.Key, StringComparer.Ordinal);
        foreach (var (key, value) in ordered)
        {
            model.Message(OnnxFields.ModelMetadata, new ProtoMessage()
                .Text(OnnxFields.EntryKey, key)
                .Text(OnnxFields.EntryValue, value));
        }
        using var output = new CodedOutputStream(stream, leaveOpen: true);
        model.WriteTo(output);
    }
}
