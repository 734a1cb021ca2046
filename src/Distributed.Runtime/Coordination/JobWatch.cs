using Distributed.Cluster.Jobs;
using Distributed.Runtime.Protocol;
using Grpc.Core;

namespace Distributed.Runtime.Coordination;

/// <summary>What a watcher has seen of its job, so that a coordinator's successor tells the
/// rest.</summary>
internal sealed class JobWatch(ulong number, Cluster.Jobs.JobDescription job)
{
    // Of a resumed run, the epochs before its start are old news.
    private int epochsSeen =
        WorkProgress.At(job.StartStep, job.Schedule).EpochsEvaluated;

    private int returnsSeen;

    public bool IsAccepted { get; private set; }

    public bool IsEnded { get; private set; }

    public AsyncServerStreamingCall<JobEvent> Open(
        CallInvoker invoker, CancellationToken cancellation)
    {
        var client = new Protocol.Coordinator.CoordinatorClient(invoker);
        return IsAccepted
            ? client.WatchJob(
                new WatchJobRequest
                {
                    Job = number,
                    EpochsSeen = epochsSeen,
                    ReturnsSeen = returnsSeen,
                },
                cancellationToken: cancellation)
            : client.SubmitJob(
                new SubmitJobRequest { Job = number, Description = JobCodec.ToProto(job) },
                cancellationToken: cancellation);
    }

    public bool IsNew(RunEvent happened)
    {
        switch (happened)
        {
            case Cluster.Jobs.JobAccepted when IsAccepted:
                return false;
            case Cluster.Jobs.JobAccepted:
                IsAccepted = true;
                return true;
            case Cluster.Jobs.RunReturned returned:
                epochsSeen = Math.Min(epochsSeen, returned.EpochsKept);
                returnsSeen = returned.Returns;
                return true;
            case EpochCompleted epoch when epoch.Epoch <= epochsSeen:
                return false;
            case EpochCompleted epoch:
                epochsSeen = epoch.Epoch;
                return true;
            default:
                IsEnded = happened is Cluster.Jobs.RunCompleted
                    or Cluster.Jobs.RunInterrupted or Cluster.Jobs.RunFailed;
                return true;
        }
    }
}
