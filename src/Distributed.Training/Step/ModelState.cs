using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Training.Step;

/// <summary>
/// All that a step changes: parameters, running statistics, optimizer state, and the counts that
/// go with them. What a checkpoint holds is exactly this.
/// </summary>
public sealed class ModelState : IDisposable
{
    /// <summary>
    /// Small enough that the last layers' gradients travel while the first are still computed.
    /// </summary>
    private const long BucketBytes = 512 << 10;

    internal ModelState(Network network, RunSpec spec, OptimizerSettings optimizer)
    {
        Model = TorchModel.Create(
            network.ToEngineText(spec.LabelSmoothing), bucketBytes: BucketBytes);
        Parameters = new NativeBuffer(Model.ParameterLength * sizeof(float));
        Statistics = new NativeBuffer(Model.StatisticsLength * sizeof(float));
        Optimizer = new NativeBuffer[TorchOptimizer.StateBuffers(optimizer.Kind)];
        for (int buffer = 0; buffer < Optimizer.Length; buffer++)
            Optimizer[buffer] = new NativeBuffer(Model.ParameterLength * sizeof(float));
        ParameterInitialization.Fill(
            network, Model.Parameters, spec.Seed, Parameters.AsSpan<float>());
        foreach (TensorInfo statistic in Model.Statistics)
        {
            ParameterInitialization.FillTensor(
                network, statistic.Name, spec.Seed, Floats(Statistics, statistic));
        }

        Model.Bind(Parameters, Statistics);
    }

    public TorchModel Model { get; }

    public NativeBuffer Parameters { get; }

    public NativeBuffer Statistics { get; }

    public NativeBuffer[] Optimizer { get; }

    /// <summary>The last committed step.</summary>
    public long Step { get; internal set; }

    /// <summary>Sum of the losses of the samples trained on since the epoch began.</summary>
    public double EpochLossSum { get; internal set; }

    public long EpochCorrect { get; internal set; }

    /// <summary>Takes over the counts of a checkpoint whose tensors have been read.</summary>
    public void Resume(long step, double epochLossSum, long epochCorrect)
    {
        Step = step;
        EpochLossSum = epochLossSum;
        EpochCorrect = epochCorrect;
    }

    internal void Apply(
        OptimizerSettings settings, double learningRate, long step, NativeBuffer gradients)
    {
        TorchOptimizer.Step(
            settings, learningRate, step, Parameters, gradients, Optimizer, Model.ParameterLength);
        if (Model.StatisticsLength > 0)
            Model.UpdateStatistics(gradients);
        Step = step;
    }

    /// <summary>
    /// SHA-256 over all parameters in ordinal name order, as little-endian float32.
    /// </summary>
    public string ParametersSha256()
    {
        Invariant.Check(BitConverter.IsLittleEndian, "parameters are kept little-endian");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (TensorInfo tensor in
            Model.Parameters.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
            hash.AppendData(MemoryMarshal.AsBytes(Floats(Parameters, tensor)));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The elements of one tensor in a flat buffer laid out like the model's.</summary>
    public static Span<float> Floats(NativeBuffer buffer, TensorInfo tensor) =>
        buffer.AsSpan<float>().Slice(checked((int)tensor.Offset), checked((int)tensor.Length));

    public void Dispose()
    {
        Model.Dispose();
        Parameters.Dispose();
        Statistics.Dispose();
        foreach (NativeBuffer buffer in Optimizer)
            buffer.Dispose();
    }
}
