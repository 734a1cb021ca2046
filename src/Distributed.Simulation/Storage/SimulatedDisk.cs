using System.Globalization;
using Distributed.Simulation.Training;

namespace Distributed.Simulation.Storage;

/// <summary>Storage that all processes see and that outlives them.</summary>
internal sealed class SimulatedDisk
{
    private readonly Dictionary<string, ModelState> checkpoints = [];
    private readonly Dictionary<string, RunLog> logs = [];

    public string CheckpointPath(string runFolder, long step) => string.Create(
        CultureInfo.InvariantCulture, $"{runFolder}/checkpoints/{step}");

    /// <summary>At once and as a whole, as a rename is.</summary>
    public void WriteCheckpoint(string path, ModelState state) => checkpoints[path] = state;

    /// <summary>Null where there is none.</summary>
    public ModelState? ReadCheckpoint(string path) => checkpoints.GetValueOrDefault(path);

    public RunLog LogOf(string runFolder)
    {
        if (!logs.TryGetValue(runFolder, out RunLog? log))
            logs.Add(runFolder, log = new RunLog());
        return log;
    }
}
