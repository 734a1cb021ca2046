using Distributed.Cluster.Sweeps;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Store;
using Distributed.Runtime.Sweeps;

namespace Distributed.Cli.Nodes;

/// <summary>What a sweep leaves in its folder for people and other programs.</summary>
internal static class SweepResultFiles
{
    /// <summary>The sweep as the store in its folder has it; null where that has none.</summary>
    public static SweepState? ReadLocal(string folder, ulong sweep)
    {
        string store = Path.Combine(folder, SweepFolder.LogFolder, DevCluster.StoreFile);
        return File.Exists(store) ? SweepReader.Read(store, sweep) : null;
    }

    /// <summary>The sweep as it is now, wherever it is run.</summary>
    /// <exception cref="OperatingException">Nobody knows of it.</exception>
    public static async Task<SweepState> ReadAsync(string folder, CancellationToken cancellation)
    {
        SweepFolder known = SweepFolder.Load(folder);
        if (ReadLocal(folder, known.Number) is { } stored)
            return stored;
        using var client = NodeSettings.Connect(known.Cluster, known.Configuration);
        await foreach (object told in client.WatchSweepAsync(
            known.Number, TimeSpan.Zero, cancellation))
        {
            // The first answer holds all that was decided so far.
            if (told is SweepProgressed progressed)
                return SweepState.Of(progressed.Decisions);
        }

        throw new InvariantException("a watch of a sweep goes on until it is cancelled");
    }

    /// <summary>Writes the tables of trials; returns their paths.</summary>
    public static IReadOnlyList<string> Write(string folder, SweepState state)
    {
        string csv = Path.Combine(folder, "trials.csv");
        string json = Path.Combine(folder, "trials.json");
        File.WriteAllText(csv, Export(state, isJson: false));
        File.WriteAllText(json, Export(state, isJson: true));
        return [csv, json];
    }

    /// <summary>A table of all trials, a column for each dimension and figure.</summary>
    public static string Export(SweepState state, bool isJson)
    {
        SweepDescription description = state.Description;
        IEnumerable<ExportedTrial> rows = state.Trials.Select(trial => new ExportedTrial(
            trial.Number, description.ConfigurationOf(trial.Number),
            description.RunSeedOf(trial.Number), StatusOf(trial), trial.Reason, trial.Parameters,
            trial.ParameterCount > 0 ? trial.ParameterCount : null,
            trial.ParameterCount > 0 ? trial.Flops : null,
            trial.Results.Count == 0 ? null : trial.Results[^1]));
        return isJson
            ? SweepExport.ToJson(description.Space, rows)
            : SweepExport.ToCsv(description.Space, rows);
    }

    private static string StatusOf(TrialState trial) => trial.End is { } end
        ? end.ToString().ToLowerInvariant()
        : trial.Phase == TrialPhase.Running ? "running" : "waiting";
}
