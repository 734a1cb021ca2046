using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Checkpoints;
using Distributed.Training.Data;
using Distributed.Training.Export;
using Distributed.Training.Models;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Cli;

/// <summary>
/// A run folder opened for use: its spec, its newest whole checkpoint, and the dataset it was
/// trained on, which knows the classes and how images are normalised.
/// </summary>
internal sealed class TrainedRun : IDisposable
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

    /// <param name="run">A run folder, or the name of one under runs/.</param>
    /// <exception cref="OperatingException">
    /// There is no such run, or nothing of it to load.
    /// </exception>
    public static TrainedRun Open(string run, Terminal terminal, CancellationToken cancellation)
    {
        string folder = RunFolders.Find(run);
        RunSpec spec = RunRecord.Load(folder).Spec;
        LoadedCheckpoint checkpoint = LoadCheckpoint(folder, spec, terminal);
        DatasetPair? data = null;
        try
        {
            using var progress = new Output.FetchProgress(terminal);
            data = SpecifiedDataset.Fetch(spec.Dataset, progress, cancellation);
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

    private static LoadedCheckpoint LoadCheckpoint(string folder, RunSpec spec, Terminal terminal)
    {
        var store = new CheckpointStore(folder, spec.KeepCheckpoints, TimeProvider.System);
        LoadedCheckpoint? checkpoint =
            store.LoadNewestValid(out IReadOnlyList<RefusedCheckpoint> refused);
        foreach (RefusedCheckpoint bad in refused)
            terminal.Error.WriteLine($"distributed: passed over {bad.Path}: {bad.Reason}");
        return checkpoint ?? throw new OperatingException(
            $"run {folder} has no checkpoint that can be used: expected one from training; "
            + $"train it with ./distributed train --resume --out {folder}");
    }
}
