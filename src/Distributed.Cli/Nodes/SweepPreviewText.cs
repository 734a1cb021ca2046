using Distributed.Cli.Output;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Runtime.Sweeps;

namespace Distributed.Cli.Nodes;

/// <summary>`sweep --preview`: what would be run, and about what it would cost.</summary>
internal static class SweepPreviewText
{
    public static void Write(
        SweepFileContent content, int workers, Terminal terminal, bool isJson)
    {
        ISampler sampler = Samplers.Create(
            content.Sampler, content.Space, content.Seed, content.Objectives.Count);
        ITrialScheduler scheduler = Schedulers.Create(
            content.Scheduler, content.Space, content.Epochs, content.Seed,
            content.IsDeterministic);
        var preview = SweepPreview.Of(
            content, sampler, scheduler.Rungs, sizes: [],
            new PreviewOptions(Math.Max(1, workers / content.Limits.WorkersPerTrial)));
        if (isJson)
        {
            JsonLine.WriteTo(terminal.Output, preview);
            return;
        }

        foreach (string line in preview.ToLines())
            terminal.Output.WriteLine(Kernel.Shown.Line(line));
    }
}
