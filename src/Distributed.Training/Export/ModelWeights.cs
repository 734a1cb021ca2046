using Distributed.Kernel;
using Distributed.Training.Checkpoints;
using Distributed.Training.Models;

namespace Distributed.Training.Export;

/// <summary>The values of a network's parameters and running statistics, by name.</summary>
public sealed class ModelWeights
{
    private readonly Dictionary<string, float[]> values;

    private ModelWeights(Network network, Dictionary<string, float[]> values)
    {
        Network = network;
        this.values = values;
    }

    public Network Network { get; }

    /// <exception cref="OperatingException">
    /// A tensor is missing, or has another length than the network's; names file and tensor.
    /// </exception>
    public static ModelWeights Load(Network network, SafeTensorsFile file)
    {
        var values = new Dictionary<string, float[]>();
        foreach (var tensor in network.Parameters.Concat(network.Statistics))
            file.ReadFloat32(tensor.Name, values[tensor.Name] = new float[tensor.Length]);
        return new ModelWeights(network, values);
    }

    /// <summary>The values that a run with that seed starts with.</summary>
    public static ModelWeights Initial(Network network, ulong seed)
    {
        var values = new Dictionary<string, float[]>();
        foreach (var tensor in network.Parameters.Concat(network.Statistics))
        {
            ParameterInitialization.FillTensor(
                network, tensor.Name, seed, values[tensor.Name] = new float[tensor.Length]);
        }
        return new ModelWeights(network, values);
    }

    /// <summary>The scales of a batch norm that has none of its own.</summary>
    internal static float[] Ones(int channels)
    {
        var ones = new float[channels];
        Array.Fill(ones, 1);
        return ones;
    }

    public ReadOnlyMemory<float> Of(string name) => values[name];
}
