namespace Distributed.Training.Checkpoints;

/// <summary>A checkpoint whose files have all been found to be what the manifest says.</summary>
public sealed class LoadedCheckpoint : IDisposable
{
    internal LoadedCheckpoint(
        string path, CheckpointManifest manifest, SafeTensorsFile model, SafeTensorsFile optimizer)
    {
        Path = path;
        Manifest = manifest;
        Model = model;
        Optimizer = optimizer;
    }

    /// <summary>The checkpoint's folder.</summary>
    public string Path { get; }

    public CheckpointManifest Manifest { get; }

    public SafeTensorsFile Model { get; }

    public SafeTensorsFile Optimizer { get; }

    public void Dispose()
    {
        Model.Dispose();
        Optimizer.Dispose();
    }
}

/// <summary>A checkpoint that was passed over, and why.</summary>
public sealed record RefusedCheckpoint(string Path, string Reason);
