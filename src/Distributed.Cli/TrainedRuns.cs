using Distributed.Cli.Output;
using Distributed.Kernel;
using Distributed.Training.Inference;
using Distributed.Training.Step;

namespace Distributed.Cli;

/// <summary>Opens trained runs for commands, which say on the terminal what that meets.</summary>
internal static class TrainedRuns
{
    /// <param name="run">A run folder, or the name of one under runs/.</param>
    /// <param name="terminal">Where a dataset's fetch and bad checkpoints are told.</param>
    /// <param name="cancellation">Ends a fetch.</param>
    /// <exception cref="OperatingException">
    /// There is no such run, or nothing of it to load.
    /// </exception>
    public static TrainedRun Open(string run, Terminal terminal, CancellationToken cancellation)
    {
        using var progress = new FetchProgress(terminal);
        return TrainedRun.Open(
            RunFolders.Find(run),
            spec => SpecifiedDataset.Fetch(spec, progress, cancellation),
            bad => terminal.Error.WriteLine(Shown.Line(
                $"distributed: passed over {bad.Path}: {bad.Reason}")));
    }
}
