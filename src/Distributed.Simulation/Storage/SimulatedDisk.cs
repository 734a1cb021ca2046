using System.Globalization;
using Distributed.Simulation.Training;

namespace Distributed.Simulation.Storage;

/// <summary>Storage that all processes see and that outlives them.</summary>
internal sealed class SimulatedDisk
{
    private readonly Dictionary<string, ModelState> checkpoints = [];
    private readonly Dictionary<string, RunLog> logs = [];
    private readonly HashSet<string> unpruned = [];

    public string CheckpointPath(string runFolder, long step) => string.Create(
        CultureInfo.InvariantCulture, $"{runFolder}/checkpoints/{step}");

    /// <summary>At once and as a whole, as a rename is.</summary>
    public void WriteCheckpoint(string path, ModelState state) => checkpoints[path] = state;

    /// <summary>
    /// Removes the checkpoints before that step, but for the one that is kept and those after it.
    /// </summary>
    public void Prune(string runFolder, long step, long stepKept)
    {
        if (unpruned.Contains(runFolder))
            return;
        foreach ((string path, ModelState state) in OfRun(runFolder))
        {
            if (state.Step < step && state.Step < stepKept)
                checkpoints.Remove(path);
        }
    }

    /// <summary>From now on all checkpoints of the run stay.</summary>
    public void KeepAll(string runFolder) => unpruned.Add(runFolder);

    /// <summary>The step of the newest checkpoint that is on record too; 0 where there is
    /// none.</summary>
    public long NewestStep(string runFolder)
    {
        long recorded = LogOf(runFolder).LastStep;
        return OfRun(runFolder).Select(stored => stored.Value.Step)
            .Where(step => recorded == 0 || step <= recorded).DefaultIfEmpty(0).Max();
    }

    /// <summary>The oldest checkpoint after that step; null where there is none.</summary>
    public ModelState? OldestAfter(string runFolder, long step) => OfRun(runFolder)
        .Select(stored => stored.Value)
        .Where(state => state.Step > step)
        .MinBy(state => state.Step);

    /// <summary>The run goes on after that step: what came later is void.</summary>
    public void CutBack(string runFolder, long step, int returns)
    {
        LogOf(runFolder).CutBack(step, returns);
        foreach ((string path, ModelState state) in OfRun(runFolder))
        {
            if (state.Step > step)
                checkpoints.Remove(path);
        }
    }

    /// <summary>Null where there is none.</summary>
    public ModelState? ReadCheckpoint(string path) => checkpoints.GetValueOrDefault(path);

    public RunLog LogOf(string runFolder)
    {
        if (!logs.TryGetValue(runFolder, out RunLog? log))
            logs.Add(runFolder, log = new RunLog());
        return log;
    }

    private List<KeyValuePair<string, ModelState>> OfRun(string runFolder) =>
    [
        .. checkpoints.Where(
            stored => stored.Key.StartsWith(runFolder + "/", StringComparison.Ordinal)),
    ];
}
