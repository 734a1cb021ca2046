using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Checkpoints;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Runtime.Workers;

/// <summary>
/// Saves and restores a session's state. A save copies the state, which takes about as long as
/// reading it from memory, and writes the copy while training goes on. One save at a time: the
/// next waits for it, so that a slow disk slows training down instead of filling memory.
/// </summary>
internal sealed class CheckpointWriter : IDisposable
{
    private const string LossSumKey = "epochLossSum";
    private const string CorrectKey = "epochCorrect";

    private readonly RunSpec _spec;
    private readonly NumericsFingerprint _numerics;
    private readonly ModelState _state;
    private readonly CheckpointStore _store;
    private readonly long _stepsPerEpoch;
    private Task _writing = Task.CompletedTask;
    private float[][] _copies = [];

    public CheckpointWriter(
        string runFolder, int returns, RunSpec spec, NumericsFingerprint numerics, ModelState state,
        long stepsPerEpoch, TimeProvider clock)
    {
        _spec = spec;
        _numerics = numerics;
        _state = state;
        _stepsPerEpoch = stepsPerEpoch;
        _store = new CheckpointStore(runFolder, spec.KeepCheckpoints, clock, returns);
    }

    /// <summary>
    /// Returns once the state is copied. The checkpoint of <paramref name="stepKept"/> stays, and
    /// those after it. One of the callbacks follows, from another thread: with
    /// the checkpoint's folder, or with what went wrong.
    /// </summary>
    public void Save(
        long step, long stepKept, Action<string> written, Action<Exception> failed)
    {
        _writing.Wait();
        CheckpointContent content = Copy(step);
        _writing = Task.Run(() =>
        {
            string path;
            try
            {
                path = _store.Save(content, stepKept);
            }
            catch (Exception failure)
            {
                failed(failure);
                return;
            }

            written(path);
        });
    }

    /// <summary>Brings the session to the state that a checkpoint holds.</summary>
    /// <exception cref="OperatingException">It is damaged, or of another network.</exception>
    public void Restore(string folder)
    {
        using LoadedCheckpoint checkpoint = CheckpointStore.Load(folder);
        CheckpointManifest manifest = checkpoint.Manifest;
        var counters = new StateCounters(
            manifest.Step, manifest.Progress[LossSumKey], (long)manifest.Progress[CorrectKey]);
        _state.Replace(counters, () => Read(checkpoint));
    }

    /// <summary>Waits for a save in progress.</summary>
    public void Dispose() => _writing.Wait();

    private void Read(LoadedCheckpoint checkpoint)
    {
        foreach (TensorInfo tensor in _state.Model.Parameters)
        {
            checkpoint.Model.ReadFloat32(
                tensor.Name, ModelState.Floats(_state.Parameters, tensor));
            for (int buffer = 0; buffer < _state.Optimizer.Length; buffer++)
            {
                checkpoint.Optimizer.ReadFloat32(
                    OptimizerName(buffer, tensor),
                    ModelState.Floats(_state.Optimizer[buffer], tensor));
            }
        }

        foreach (TensorInfo tensor in _state.Model.Statistics)
        {
            checkpoint.Model.ReadFloat32(
                tensor.Name, ModelState.Floats(_state.Statistics, tensor));
        }
    }

    private CheckpointContent Copy(long step)
    {
        Invariant.Check(step == _state.Step, "what is saved is the step that was committed last");
        _state.Refresh();
        NativeBuffer[] sources = [_state.Parameters, _state.Statistics, .. _state.Optimizer];
        if (_copies.Length == 0)
            _copies = [.. sources.Select(source => new float[source.AsSpan<float>().Length])];
        for (int index = 0; index < sources.Length; index++)
            sources[index].AsSpan<float>().CopyTo(_copies[index]);
        return new CheckpointContent
        {
            Step = step,
            Epoch = checked((int)((step + _stepsPerEpoch - 1) / _stepsPerEpoch)),
            Model =
            [
                .. _state.Model.Parameters.Select(tensor => Tensor(tensor.Name, tensor, 0)),
                .. _state.Model.Statistics.Select(tensor => Tensor(tensor.Name, tensor, 1)),
            ],
            Optimizer =
            [
                .. Enumerable.Range(0, _state.Optimizer.Length).SelectMany(
                    buffer => _state.Model.Parameters.Select(
                        tensor => Tensor(OptimizerName(buffer, tensor), tensor, 2 + buffer))),
            ],
            Progress = new Dictionary<string, double>
            {
                [LossSumKey] = _state.Counters.EpochLossSum,
                [CorrectKey] = _state.Counters.EpochCorrect,
            },
            SpecificationHash = _spec.ResultHash(),
            Numerics = _numerics,
        };
    }

    private CheckpointTensor Tensor(string name, TensorInfo tensor, int copy) =>
        CheckpointTensor.Float32(
            name, tensor.Shape,
            _copies[copy].AsMemory(checked((int)tensor.Offset), checked((int)tensor.Length)));

    private string OptimizerName(int buffer, TensorInfo tensor) =>
        $"optimizer.{_state.OptimizerNames[buffer]}.{tensor.Name}";
}
