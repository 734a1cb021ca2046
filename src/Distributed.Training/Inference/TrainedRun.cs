using Distributed.Kernel;
using Distributed.Training.Checkpoints;
using Distributed.Training.Data;
using Distributed.Training.Export;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Training.Inference;

/// <summary>
/// A run folder opened for use: its spec, its newest whole checkpoint, and the dataset it was
/// trained on, which knows the classes and how images are normalised.
/// </summary>
public sealed class TrainedRun : IDisposable
{
    private TrainedRun(
        string folder, RunSpec spec, DatasetPair data, Network network, LoadedCheckpoint checkpoint)
    {
        Folder = folder;
        Spec = spec;
        Data = data;
        Network = network;
        Checkpoint = checkpoint;
    }

    public string Folder { get; }

    public RunSpec Spec { get; }

    public DatasetPair Data { get; }

    public Network Network { get; }

    public LoadedCheckpoint Checkpoint { get; }

    /// <param name="folder">A run folder.</param>
    /// <param name="openData">Opens what the run was trained on.</param>
    /// <param name="passedOver">Is told of each checkpoint that could not be used.</param>
    /// <exception cref="OperatingException">There is nothing of the run to load.</exception>
    public static TrainedRun Open(
        string folder, Func<DatasetSpec, DatasetPair> openData,
        Action<RefusedCheckpoint> passedOver)
    {
        RunSpec spec = RunRecord.Load(folder).Spec;
        LoadedCheckpoint checkpoint = LoadCheckpoint(folder, spec, passedOver);
        DatasetPair? data = null;
        try
        {
            data = openData(spec.Dataset);
            Network network = Network.Resolve(spec.Model, data.Shape, data.ClassCount);
            return new TrainedRun(folder, spec, data, network, checkpoint);
        }
        catch
        {
            data?.Dispose();
            checkpoint.Dispose();
            throw;
        }
    }

    public ModelWeights Weights() => ModelWeights.Load(Network, Checkpoint.Model);

    public void Dispose()
    {
        Checkpoint.Dispose();
        Data.Dispose();
    }

    /// <summary>The newest checkpoint of a run that is whole.</summary>
    /// <param name="folder">A run folder.</param>
    /// <param name="spec">The run's.</param>
    /// <param name="passedOver">Is told of each checkpoint that could not be used.</param>
    /// <exception cref="OperatingException">There is none.</exception>
    public static LoadedCheckpoint LoadCheckpoint(
        string folder, RunSpec spec, Action<RefusedCheckpoint> passedOver)
    {
        var store = new CheckpointStore(folder, spec.KeepCheckpoints, TimeProvider.System);
        LoadedCheckpoint? checkpoint =
            store.LoadNewestValid(out IReadOnlyList<RefusedCheckpoint> refused);
        foreach (RefusedCheckpoint bad in refused)
            passedOver(bad);
        return checkpoint ?? throw new OperatingException(
            $"run {folder} has no checkpoint that can be used: expected one from training; "
            + $"train it with ./distributed train --resume --out {folder}");
    }
}
