using Distributed.Kernel;
using Distributed.Torch;

namespace Distributed.Training.Models;

/// <summary>
/// The values that parameters start with: PyTorch's distributions, drawn as a function of the seed
/// and the tensor's name alone. Only + - * / and the square root are used, which IEEE 754 rounds
/// the same on every machine.
/// </summary>
public static class ParameterInitialization
{
    private const ulong Domain = 0x5EED_0F_7E4503; // keeps these keys apart from other streams'

    /// <summary>
    /// Fills all parameters where the engine's layout has them; padding stays as it is.
    /// </summary>
    public static void Fill(
        Network network, IReadOnlyList<TensorInfo> layout, ulong seed, Span<float> parameters)
    {
        Invariant.Check(layout.Count == network.Parameters.Count,
            $"the engine has {layout.Count} tensors, the network {network.Parameters.Count}");
        foreach (var place in layout)
        {
            var slice = parameters.Slice(checked((int)place.Offset), checked((int)place.Length));
            FillTensor(network, place.Name, seed, slice);
        }
    }

    /// <summary>Fills one parameter or running statistic by name.</summary>
    public static void FillTensor(
        Network network, string name, ulong seed, Span<float> destination)
    {
        var tensor = network.Parameters.Concat(network.Statistics)
            .FirstOrDefault(tensor => tensor.Name == name);
        Invariant.Check(tensor is not null, $"the network has no tensor {name}");
        Invariant.Check(tensor.Length == destination.Length,
            $"{name} has {tensor.Length} elements, its place {destination.Length}");
        var key = CounterRandom.Key(seed, Domain, HashOf(name));
        switch (tensor.Role)
        {
            case TensorRole.NormalizationWeight or TensorRole.RunningVariance:
                destination.Fill(1);
                break;
            case TensorRole.NormalizationBias or TensorRole.RunningMean
                or TensorRole.WhiteningBias:
                destination.Clear();
                break;
            case TensorRole.ConvolutionWeight
                when network.Model.Initialization == InitializationKind.KaimingNormal:
                FillNormal(key, Math.Sqrt(2.0 / tensor.FanOut), destination);
                break;
            default:
                // Kaiming-uniform with a = sqrt(5) comes to this bound, for weights and biases.
                FillUniform(key, 1 / Math.Sqrt(tensor.FanIn), destination);
                break;
        }
        if (tensor.Role == TensorRole.ConvolutionWeight
            && network.Model.Initialization == InitializationKind.Dirac)
        {
            HandInputsOn(tensor.Shape, destination);
        }
    }

    /// <summary>
    /// Makes the first filters the identity: 1 at the middle of their own input, else 0.
    /// </summary>
    private static void HandInputsOn(int[] shape, Span<float> filters)
    {
        var (inputs, height, width) = (shape[1], shape[2], shape[3]);
        var length = inputs * height * width;
        for (var filter = 0; filter < Math.Min(shape[0], inputs); filter++)
        {
            var values = filters.Slice(filter * length, length);
            values.Clear();
            values[(((filter * height) + (height / 2)) * width) + (width / 2)] = 1;
        }
    }

    private static void FillUniform(ulong key, double bound, Span<float> destination)
    {
        for (var index = 0; index < destination.Length; index++)
        {
            var unit = (double)CounterRandom.UnitFloat(key, (ulong)index);
            destination[index] = (float)(((2 * unit) - 1) * bound);
        }
    }

    private static void FillNormal(ulong key, double deviation, Span<float> destination)
    {
        for (var index = 0; index < destination.Length; index++)
            destination[index] = (float)(Normal(key, (ulong)index) * deviation);
    }

    /// <summary>
    /// The sum of twelve uniform numbers less six: mean 0, variance 1, and close to normal up to
    /// three deviations. Logarithm and cosine, which differ between C libraries, are not needed.
    /// </summary>
    internal static double Normal(ulong key, ulong index)
    {
        const int bits = 21; // three numbers from each draw
        const ulong mask = (1UL << bits) - 1;
        ulong sum = 0;
        for (ulong draw = 0; draw < 4; draw++)
        {
            var random = CounterRandom.UInt64(key, (index * 4) + draw);
            sum += (random & mask) + ((random >> bits) & mask) + ((random >> (2 * bits)) & mask);
        }
        // Each number stands for the middle of its interval, so that the mean is exactly 0.
        return ((sum + 6) / (double)(1UL << bits)) - 6;
    }

    /// <summary>FNV-1a over the name's characters.</summary>
    private static ulong HashOf(string name)
    {
        var hash = 0xCBF29CE484222325;
        foreach (var character in name)
            hash = unchecked((hash ^ character) * 0x100000001B3);
        return hash;
    }
}
