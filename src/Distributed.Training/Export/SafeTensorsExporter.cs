using Distributed.Training.Checkpoints;
using Distributed.Training.Models;

namespace Distributed.Training.Export;

/// <summary>
/// Writes what PyTorch's load_state_dict takes: the names, shapes and order of a state dict, the
/// step counts of batch norms included.
/// </summary>
public static class SafeTensorsExporter
{
    /// <param name="steps">Training steps, which PyTorch keeps with every batch norm.</param>
    /// <param name="metadata">Text to go into the header, such as class names.</param>
    public static void Write(
        Stream stream, ModelWeights weights, long steps,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        var header = new Dictionary<string, string> { ["format"] = "pt" };
        foreach (var (key, value) in metadata ?? new Dictionary<string, string>())
            header[key] = value;
        var tensors = new List<CheckpointTensor>();
        foreach (var layer in weights.Network.Layers)
            Add(tensors, layer, weights, steps);
        SafeTensors.Write(stream, tensors, header);
    }

    private static void Add(
        List<CheckpointTensor> tensors, ResolvedLayer layer, ModelWeights weights, long steps)
    {
        // A batch norm of PyTorch's that has biases has scales as well.
        if (layer.Spec is BatchNormLayer { Scale: false })
        {
            tensors.Add(CheckpointTensor.Float32(
                $"{layer.Name}.weight", [layer.Input.Channels],
                ModelWeights.Ones(layer.Input.Channels)));
        }
        foreach (var tensor in layer.Tensors)
        {
            tensors.Add(CheckpointTensor.Float32(
                tensor.Name, tensor.Shape, weights.Of(tensor.Name)));
        }
        if (layer.Spec is BatchNormLayer)
        {
            tensors.Add(CheckpointTensor.Int64(
                $"{layer.Name}.num_batches_tracked", [], new[] { steps }));
        }
        foreach (var inner in layer.Branch.Concat(layer.Shortcut))
            Add(tensors, inner, weights, steps);
    }
}
