using Distributed.Cluster.Observers;
using Distributed.Kernel;

namespace Distributed.Cluster.Jobs;

/// <summary>Watches a job on behalf of whoever observes the cluster.</summary>
internal sealed class JobObserver(EventStream events, ulong job) : IActorRef
{
    public string Path => $"/observer/job-{job:x16}";

    public void Tell(object message, IActorRef? sender = null)
    {
        if (message is RunEvent happened)
            events.Publish(new JobHappened(job, happened));
    }
}
