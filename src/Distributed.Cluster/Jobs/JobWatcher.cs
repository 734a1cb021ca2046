using Distributed.Kernel;

namespace Distributed.Cluster.Jobs;

/// <summary>
/// Who watches a job, and the last epoch that it has seen: whichever coordinator tells it, it is
/// told of each epoch once, and again where the job has returned to before its end.
/// </summary>
internal sealed class JobWatcher(IActorRef actor, int epochsSeen)
{
    private int epochsSeen = epochsSeen;

    public IActorRef Actor => actor;

    public void Tell(RunEvent happened)
    {
        if (happened is RunReturned returned)
            epochsSeen = Math.Min(epochsSeen, returned.EpochsKept);
        if (happened is EpochCompleted epoch)
        {
            if (epoch.Epoch <= epochsSeen)
                return;
            epochsSeen = epoch.Epoch;
        }

        actor.Tell(happened);
    }

    /// <summary>All epochs on record, unless the watcher asked for none of them.</summary>
    public void TellEpochs(IReadOnlyList<EpochCompleted> epochs)
    {
        if (epochsSeen < 0)
            return;
        foreach (EpochCompleted epoch in epochs)
            Tell(epoch);
    }
}
