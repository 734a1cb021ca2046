using System.Diagnostics;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Observers;
using Distributed.Kernel;

namespace Distributed.Runtime.Tracing;

/// <summary>
/// A coordinator's traces: one for every change of a job's membership, from the moment that it
/// noticed to the first step that the new generation committed, to whose trace it links.
/// </summary>
internal sealed class RegroupTraces : IActorRef
{
    private readonly Dictionary<ulong, GenerationStarted> _started = [];

    public string Path => "/regroup-traces";

    public void Tell(object message, IActorRef? sender = null)
    {
        if (message is not JobHappened { Job: var job, Event: var happened })
            return;
        switch (happened)
        {
            case GenerationStarted started:
                _started[job] = started;
                break;
            case GenerationRunning running when TraceSources.Training.HasListeners():
                Trace(job, running);
                break;
            case RunCompleted or RunInterrupted or RunFailed:
                _started.Remove(job);
                break;
        }
    }

    private void Trace(ulong job, GenerationRunning running)
    {
        (string reason, int workers) = _started.TryGetValue(job, out GenerationStarted? started)
            ? (started.Reason, started.Workers.Count)
            : ("", 0);
        Activity? root = TraceSources.Span(
            "regroup", default, running.Noticed, Milliseconds(
                running.RegroupMs + running.RestoreMs + running.StepMs),
            [
                new("job.id", $"{job:x16}"), new("generation", running.Generation),
                new("step", running.Step), new("reason", reason), new("workers", workers),
            ],
            [StepTraceId.LinkTo(job, running.Step)]);
        if (root is null)
            return;
        DateTimeOffset at = running.Noticed;
        Part("agree", running.RegroupMs);
        Part("restore", running.RestoreMs);
        Part("first-step", running.StepMs);

        void Part(string name, double durationMs)
        {
            TraceSources.Span(name, root.Context, at, Milliseconds(durationMs));
            at += Milliseconds(durationMs);
        }
    }

    private static TimeSpan Milliseconds(double milliseconds) =>
        TimeSpan.FromMilliseconds(milliseconds);
}
