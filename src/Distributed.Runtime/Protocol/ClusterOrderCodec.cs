using Distributed.Cluster.Coordination;
using Distributed.Kernel;
using Grpc.Core;

namespace Distributed.Runtime.Protocol;

/// <summary>What a person orders the cluster to do, as records and as messages.</summary>
internal static class ClusterOrderCodec
{
    public static OrderClusterRequest ToProto(ClusterOrder order) => order switch
    {
        Cluster.Coordination.PauseJob pause => new()
        {
            PauseJob = new() { Job = pause.Job, Reason = pause.Reason },
        },
        Cluster.Coordination.ResumeJob resume => new() { ResumeJob = new() { Job = resume.Job } },
        Cluster.Coordination.ScaleJob scale => new()
        {
            ScaleJob = new() { Job = scale.Job, Workers = scale.Workers },
        },
        Cluster.Coordination.CheckpointJob checkpoint => new()
        {
            CheckpointJob = new() { Job = checkpoint.Job },
        },
        LeaveWorker leave => new() { LeaveWorker = ToProto(leave.Worker, leave.Reason) },
        DownWorker down => new() { DownWorker = ToProto(down.Worker, down.Reason) },
        Cluster.Coordination.DownUnreachable down => new()
        {
            DownUnreachable = new() { Reason = down.Reason },
        },
        BenchWorker bench => new() { BenchWorker = ToProto(bench.Worker, bench.Reason) },
        UnbenchWorker unbench => new() { UnbenchWorker = ToProto(unbench.Worker, "") },
        _ => throw new InvariantException($"no message carries {order.GetType().Name}"),
    };

    /// <exception cref="RpcException">It holds no order that this version knows.</exception>
    public static ClusterOrder FromProto(OrderClusterRequest request) => request.OrderCase switch
    {
        OrderClusterRequest.OrderOneofCase.PauseJob =>
            new Cluster.Coordination.PauseJob(request.PauseJob.Job, request.PauseJob.Reason),
        OrderClusterRequest.OrderOneofCase.ResumeJob =>
            new Cluster.Coordination.ResumeJob(request.ResumeJob.Job),
        OrderClusterRequest.OrderOneofCase.ScaleJob =>
            new Cluster.Coordination.ScaleJob(request.ScaleJob.Job, request.ScaleJob.Workers),
        OrderClusterRequest.OrderOneofCase.CheckpointJob =>
            new Cluster.Coordination.CheckpointJob(request.CheckpointJob.Job),
        OrderClusterRequest.OrderOneofCase.LeaveWorker =>
            new LeaveWorker(request.LeaveWorker.Worker, request.LeaveWorker.Reason),
        OrderClusterRequest.OrderOneofCase.DownWorker =>
            new DownWorker(request.DownWorker.Worker, request.DownWorker.Reason),
        OrderClusterRequest.OrderOneofCase.DownUnreachable =>
            new Cluster.Coordination.DownUnreachable(request.DownUnreachable.Reason),
        OrderClusterRequest.OrderOneofCase.BenchWorker =>
            new BenchWorker(request.BenchWorker.Worker, request.BenchWorker.Reason),
        OrderClusterRequest.OrderOneofCase.UnbenchWorker =>
            new UnbenchWorker(request.UnbenchWorker.Worker),
        _ => throw new RpcException(new Status(
            StatusCode.InvalidArgument,
            "an order says what is wanted of a job (pause, resume, scale, checkpoint) or of a "
            + "worker (leave, down, bench, unbench)")),
    };

    private static WorkerOrder ToProto(string worker, string reason) =>
        new() { Worker = worker, Reason = reason };
}
