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
/// step out meanwhile, and finds it either as it was after that step or not at all. Where the state
/// is kept on a device, the buffers are a copy, of the step at which the training thread has called
/// <see cref="Refresh"/> last.
/// </remarks>
public sealed class ModelState : IDisposable
{
    /// <summary>The step of a state that is in the middle of a change.</summary>
    private const long NoStep = -1;

    private readonly IStepEngine _engine;
    private readonly NativeBuffer[] _sections;
    private readonly ParameterUpdates _updates;
    private readonly Lock _gate = new();
    private bool _isCurrent = true;
    private bool _disposed;

    /// <param name="network">Says how parameters begin.</param>
    /// <param name="spec">Says what is kept beside them.</param>
    /// <param name="data">Whitening filters come from it.</param>
    /// <param name="engine">Carries steps out; not owned.</param>
    /// <param name="stepsPerEpoch">Of the spec on the data.</param>
    internal ModelState(
        Network network, RunSpec spec, DatasetPair data, IStepEngine engine, long stepsPerEpoch)
    {
        _engine = engine;
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
        engine.Attach(this, _updates);
        _sections = [Parameters, Statistics, .. Optimizer];
        Layout = DescribeLayout();
    }

    /// <summary>What lies where in the buffers and in gradients.</summary>
    public ModelLayout Model => _engine.Layout;

    /// <summary>As <see cref="Refresh"/> has left them, and so are the others.</summary>
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
    /// Brings the buffers up to date, which takes a copy from a device where they are not. Only the
    /// training thread calls it, between two steps; a state of no step stays one.
    /// </summary>
    public void Refresh()
    {
        if (_isCurrent || Step == NoStep)
            return;
        lock (_gate)
        {
            _engine.Read();
            _isCurrent = true;
        }
    }

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
            _engine.Write();
            Counters = counters;
            _isCurrent = true;
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

    /// <summary>The counts that go with the state after that step; null where the buffers hold
    /// another.</summary>
    public StateCounters? CountersAfter(long step)
    {
        lock (_gate)
            return Holds(step) ? Counters : null;
    }

    /// <summary>
    /// Copies the bytes of the state after that step, from <paramref name="offset"/> on, until the
    /// destination is full. False where the buffers do not hold that state.
    /// </summary>
    public bool TryCopyTo(long step, long offset, Span<byte> destination)
    {
        lock (_gate)
        {
            if (!Holds(step))
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
            _engine.Apply(after.Step, learningRate, gradients);
            Counters = after;
            _isCurrent = _engine.IsOnHost;
        }
    }

    /// <summary>
    /// The engine is about to change the state by itself: it is of no step until
    /// <see cref="EndChange"/>.
    /// </summary>
    internal void BeginChange()
    {
        lock (_gate)
            (Counters, _isCurrent) = (new StateCounters(NoStep, 0, 0), false);
    }

    /// <summary>The engine has done so.</summary>
    internal void EndChange(StateCounters after)
    {
        lock (_gate)
            Counters = after;
    }

    /// <summary>
    /// SHA-256 over all parameters in ordinal name order, as little-endian float32. For the
    /// training thread, because it calls <see cref="Refresh"/>.
    /// </summary>
    public string ParametersSha256()
    {
        Refresh();
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
            foreach (NativeBuffer section in _sections)
                section.Dispose();
        }
    }

    private bool Holds(long step) => !_disposed && _isCurrent && step == Step;

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
