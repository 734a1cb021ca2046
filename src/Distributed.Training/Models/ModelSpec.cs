using Distributed.Training.Specification;

namespace Distributed.Training.Models;

/// <summary>How the weights of convolutions start; the other tensors start as in PyTorch.</summary>
public enum InitializationKind
{
    /// <summary>PyTorch's default: uniform within 1/sqrt(inputs of a unit).</summary>
    KaimingUniform,

    /// <summary>Normal with variance 2 / outputs of a unit, as torchvision's ResNets.</summary>
    KaimingNormal,

    /// <summary>
    /// As PyTorch's default, but that a convolution's first filters, as many as it has inputs,
    /// hand those on unchanged (Zagoruyko and Komodakis, "DiracNets", 2017).
    /// </summary>
    Dirac,
}

/// <summary>A network as a list of layers, all of them named.</summary>
/// <param name="Name">The preset it was made from, or the user's own.</param>
public sealed record ModelSpec(
    string Name, InitializationKind Initialization, ValueList<LayerSpec> Layers);
