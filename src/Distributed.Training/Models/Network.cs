using Distributed.Training.Data;
using Distributed.Training.Specification;

namespace Distributed.Training.Models;

/// <summary>A model fitted to a dataset: every shape is known and every layer fits.</summary>
public sealed class Network
{
    private Network(
        ModelSpec model, ImageShape input, int classes, IReadOnlyList<ResolvedLayer> layers)
    {
        Model = model;
        Input = input;
        Classes = classes;
        Layers = layers;
        var tensors = layers.SelectMany(TensorsOf).ToList();
        Parameters = [.. tensors.Where(tensor => !tensor.IsStatistic)];
        Statistics = [.. tensors.Where(tensor => tensor.IsStatistic)];
        ParameterCount = Parameters.Sum(tensor => tensor.Length);
        FlopsPerImage = layers.Sum(layer => layer.FlopsPerImage);
    }

    public ModelSpec Model { get; }

    public ImageShape Input { get; }

    public int Classes { get; }

    public IReadOnlyList<ResolvedLayer> Layers { get; }

    /// <summary>
    /// In the order of the layers; a residual block's branch before its shortcut.
    /// </summary>
    public IReadOnlyList<NetworkTensor> Parameters { get; }

    /// <summary>Running means and variances, in the order of the layers.</summary>
    public IReadOnlyList<NetworkTensor> Statistics { get; }

    public long ParameterCount { get; }

    /// <summary>
    /// Of the convolutions and linear layers in a forward pass, a multiply-add as two. A training
    /// step costs three times as much.
    /// </summary>
    public long FlopsPerImage { get; }

    /// <exception cref="SpecificationException">
    /// A layer does not fit; the error names it, its input and what was expected.
    /// </exception>
    public static Network Resolve(ModelSpec model, ImageShape input, int classes)
    {
        var misfits = new List<NetworkMisfit>();
        return TryResolve(model, input, classes, misfits)
            ?? throw new SpecificationException(
            [
                .. misfits.Select(misfit =>
                    $"model {model.Name} {misfit.Layer}: {misfit.Problem}"),
            ]);
    }

    internal static Network? TryResolve(
        ModelSpec model, ImageShape input, int classes, List<NetworkMisfit> misfits)
    {
        var layers = new ShapeInference(classes, misfits).Resolve(model, input);
        return layers is null ? null : new Network(model, input, classes, layers);
    }

    /// <summary>The text from which the engine builds the network.</summary>
    public string ToEngineText(double labelSmoothing) => EngineText.Write(this, labelSmoothing);

    private static IEnumerable<NetworkTensor> TensorsOf(ResolvedLayer layer) =>
        layer.Tensors
            .Concat(layer.Branch.SelectMany(TensorsOf))
            .Concat(layer.Shortcut.SelectMany(TensorsOf));
}

/// <summary>A layer that does not fit, and why.</summary>
internal sealed record NetworkMisfit(string Layer, string Problem);
