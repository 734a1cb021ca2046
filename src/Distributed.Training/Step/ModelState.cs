using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Optimization;
using Distributed.Training.Specification;

namespace Distributed.Training.Step;

/// <summary>
/// All that a step changes: parameters, running statistics, optimizer state, and the counts that
/// go with them. What a checkpoint holds is exactly this.
/// </summary>
/// <remarks>
/// The training thread changes it, a whole step at a time; any thread may copy the state after a
/// step out meanwhile, and finds it either as it was after that step or not at all.
/// </remarks>
public sealed class ModelState : IDisposable
{
    /// <summary>The step of a state that is in the middle of a change.</summary>
    private const long NoStep = -1;

    /// <summary>
    /// Small enough that the last layers' gradients travel while the first are still computed, and
    /// that little is left to send when backward ends. What is better sent as one is grouped.
    /// </summary>
    private const long BucketBytes = 128 << 10;

    private readonly NativeBuffer[] _sections;
    private readonly ParameterUpdates _updates;
    private readonly Lock _gate = new();
    private bool _disposed;

    internal ModelState(Network network, RunSpec spec, DatasetPair data, long stepsPerEpoch)
    {
        Model = TorchModel.Create(
            network.ToEngineText(spec.LabelSmoothing), bucketBytes: BucketBytes);
        Parameters = new NativeBuffer(Model.ParameterLength * sizeof(float));
        Statistics = new NativeBuffer(Model.StatisticsLength * sizeof(float));
        _updates = new ParameterUpdates(spec, network, Model, stepsPerEpoch);
        Optimizer = new NativeBuffer[_updates.StateNames.Count];
        for (int buffer = 0; buffer < Optimizer.Length; buffer++)
            Optimizer[buffer] = new NativeBuffer(Model.ParameterLength * sizeof(float));
        ParameterInitialization.Fill(
            network, Model.Parameters, spec.Seed, Parameters.AsSpan<float>());
        WhiteningFilters.Fill(network, data, Model.Parameters, Parameters.AsSpan<float>());
        foreach (TensorInfo statistic in Model.Statistics)
        {
            ParameterInitialization.FillTensor(
                network, statistic.Name, spec.Seed, Floats(Statistics, statistic));
        }

        _updates.Begin(Parameters, Optimizer);
        Model.Bind(Parameters, Statistics);
        _sections = [Parameters, Statistics, .. Optimizer];
        Layout = DescribeLayout();
    }

    public TorchModel Model { get; }

    public NativeBuffer Parameters { get; }

    public NativeBuffer Statistics { get; }

    public NativeBuffer[] Optimizer { get; }

    /// <summary>What each of the optimizer's buffers is, in PyTorch's words.</summary>
    public IReadOnlyList<string> OptimizerNames => _updates.StateNames;

    /// <summary>
    /// Names every tensor and its place: states with the same layout can be copied byte by byte.
    /// </summary>
    public string Layout { get; }

    /// <summary>Of all tensors together.</summary>
    public long ByteLength => _sections.Sum(section => section.ByteLength);

    /// <summary>The last committed step, and what goes with it.</summary>
    public StateCounters Counters { get; private set; }

    public long Step => Counters.Step;

    /// <summary>
    /// Lets the caller write the tensors, and then takes over the counts that go with them. What
    /// throws meanwhile leaves a state of no step.
    /// </summary>
    public void Replace(StateCounters counters, Action write)
    {
        lock (_gate)
        {
            Counters = new StateCounters(NoStep, 0, 0);
            write();
            Counters = counters;
        }
    }

    /// <summary>
    /// Takes over a state of this layout: <paramref name="source"/> holds all its tensors.
    /// </summary>
    public void CopyFrom(StateCounters counters, NativeBuffer source) => Replace(counters, () =>
    {
        long from = 0;
        foreach (NativeBuffer section in _sections)
        {
            int length = checked((int)section.ByteLength);
            source.AsSpan<byte>(from, length).CopyTo(section.AsSpan<byte>());
            from += length;
        }
    });

    /// <summary>The counts that go with the state after that step; null where it holds
    /// another.</summary>
    public StateCounters? CountersAfter(long step)
    {
        lock (_gate)
            return _disposed || step != Step ? null : Counters;
    }

    /// <summary>
    /// Copies the bytes of the state after that step, from <paramref name="offset"/> on, until the
    /// destination is full. False where it holds that state no more.
    /// </summary>
    public bool TryCopyTo(long step, long offset, Span<byte> destination)
    {
        lock (_gate)
        {
            if (_disposed || step != Step)
                return false;
            long start = 0;
            foreach (NativeBuffer section in _sections)
            {
                long end = start + section.ByteLength;
                if (offset < end && !destination.IsEmpty)
                {
                    int count = (int)Math.Min(destination.Length, end - offset);
                    section.AsSpan<byte>(offset - start, count).CopyTo(destination);
                    destination = destination[count..];
                    offset += count;
                }

                start = end;
            }

            return true;
        }
    }

    /// <summary>Commits a step: all of it, or the state is of no step any more.</summary>
    internal void Apply(double learningRate, StateCounters after, NativeBuffer gradients)
    {
        // Not through Replace: a lambda would be allocated at every step.
        lock (_gate)
        {
            Counters = new StateCounters(NoStep, 0, 0);
            _updates.Apply(after.Step, learningRate, Parameters, gradients, Optimizer);
            if (Model.StatisticsLength > 0)
                Model.UpdateStatistics(gradients);
            Counters = after;
        }
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
        lock (_gate)
        {
            _disposed = true;
            Model.Dispose();
            foreach (NativeBuffer section in _sections)
                section.Dispose();
        }
    }

    private string DescribeLayout()
    {
        IEnumerable<string> tensors = Model.Parameters.Concat(Model.Statistics).Select(
            tensor => $"{tensor.Name} {tensor.Offset}+{tensor.Length}");
        return $"{string.Join("; ", tensors)}; {Optimizer.Length} optimizer buffers";
    }
}

/// <summary>The counts that go with a state.</summary>
/// <param name="Step">The last committed step.</param>
/// <param name="EpochLossSum">Sum of the losses of the samples trained on since the epoch
/// began.</param>
/// <param name="EpochCorrect">How many of them were classified correctly.</param>
public readonly record struct StateCounters(long Step, double EpochLossSum, long EpochCorrect);
