using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Models;

namespace Distributed.Training.Inference;

/// <summary>
/// The first layers of a network in inference mode, with parameters of its own: what goes on in it
/// touches no training. One thread at a time.
/// </summary>
public sealed class PartialNetwork : IDisposable
{
    private readonly TorchModel _model;
    private readonly NativeBuffer _parameters;
    private readonly NativeBuffer _statistics;

    /// <param name="network">The whole; the engine is initialised.</param>
    /// <param name="layers">How many of its layers; one of them has parameters.</param>
    public PartialNetwork(Network network, int layers)
    {
        Output = network.Layers[layers - 1].Output;
        _model = TorchModel.Create(EngineText.WritePart(network, layers));
        _parameters = NativeBuffer.Of(ElementType.Float32, _model.ParameterLength);
        _statistics = NativeBuffer.Of(ElementType.Float32, _model.StatisticsLength);
        _model.Bind(_parameters, _statistics);
    }

    /// <summary>What comes out for one image.</summary>
    public FeatureShape Output { get; }

    /// <summary>Takes over its tensors from buffers laid out as the whole model's.</summary>
    public void Load(ModelLayout whole, NativeBuffer parameters, NativeBuffer statistics)
    {
        Copy(whole.Parameters, parameters, _model.Parameters, _parameters);
        Copy(whole.Statistics, statistics, _model.Statistics, _statistics);
    }

    /// <summary>Normalised images in; for each, the output channel by channel.</summary>
    public void Evaluate(ReadOnlySpan<float> images, Span<float> outputs) =>
        _model.Evaluate(images, [], outputs);

    public void Dispose()
    {
        _model.Dispose();
        _parameters.Dispose();
        _statistics.Dispose();
    }

    private static void Copy(
        IReadOnlyList<TensorInfo> from, NativeBuffer source, IReadOnlyList<TensorInfo> to,
        NativeBuffer target)
    {
        // The tensors of the first layers are the first tensors.
        for (int tensor = 0; tensor < to.Count; tensor++)
        {
            Invariant.Check(from[tensor].Name == to[tensor].Name, "a part begins as its whole");
            source.AsSpan<float>(from[tensor].Offset, checked((int)from[tensor].Length))
                .CopyTo(target.AsSpan<float>(to[tensor].Offset, checked((int)to[tensor].Length)));
        }
    }
}
