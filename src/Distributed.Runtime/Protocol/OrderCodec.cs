using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Runtime.Protocol;

/// <summary>
/// What a coordinator sends to a worker, as records and as frames of its control stream.
/// </summary>
internal static class OrderCodec
{
    public static CoordinatorFrame ToFrame(CoordinatorMessage message) => message switch
    {
        Cluster.Coordination.HeartbeatAnswer => new() { Heartbeat = new() },
        Cluster.Coordination.ReportsRecorded recorded => new()
        {
            Recorded = new()
            {
                Job = recorded.Job,
                Sequence = recorded.Sequence,
                CheckpointStep = recorded.CheckpointStep,
            },
        },
        Ordered ordered => ToFrame(ordered.Order),
        Cluster.Coordination.Welcome welcome => new() { Welcome = new() { Term = welcome.Term } },
        Cluster.Coordination.NotLeader notLeader => new()
        {
            NotLeader = new() { LeaderAddress = notLeader.LeaderAddress },
        },
        Cluster.Coordination.Removed removed => new()
        {
            Removed = new() { Reason = removed.Reason },
        },
        Cluster.Coordination.LeaveOrdered leave => new()
        {
            Leave = new() { Reason = leave.Reason },
        },
        Cluster.Coordination.BenchOrdered bench => new()
        {
            Bench = new() { Reason = bench.Reason },
        },
        _ => throw new InvariantException($"no frame carries {message.GetType().Name}"),
    };

    /// <summary>The message in a frame; null where it holds none that this version
    /// knows.</summary>
    public static CoordinatorMessage? FromFrame(CoordinatorFrame frame) => frame.FrameCase switch
    {
        CoordinatorFrame.FrameOneofCase.Heartbeat => Cluster.Coordination.HeartbeatAnswer.Instance,
        CoordinatorFrame.FrameOneofCase.Recorded => new Cluster.Coordination.ReportsRecorded(
            frame.Recorded.Job, frame.Recorded.Sequence, frame.Recorded.CheckpointStep),
        CoordinatorFrame.FrameOneofCase.Welcome =>
            new Cluster.Coordination.Welcome(frame.Welcome.Term),
        CoordinatorFrame.FrameOneofCase.NotLeader =>
            new Cluster.Coordination.NotLeader(frame.NotLeader.LeaderAddress),
        CoordinatorFrame.FrameOneofCase.Removed =>
            new Cluster.Coordination.Removed(frame.Removed.Reason),
        CoordinatorFrame.FrameOneofCase.Leave =>
            new Cluster.Coordination.LeaveOrdered(frame.Leave.Reason),
        CoordinatorFrame.FrameOneofCase.Bench =>
            new Cluster.Coordination.BenchOrdered(frame.Bench.Reason),
        _ => OrderIn(frame) is { } order ? new Ordered(order) : null,
    };

    private static CoordinatorFrame ToFrame(JobOrder order) => order switch
    {
        Cluster.Jobs.PrepareJob prepare => new()
        {
            Prepare = new()
            {
                Job = prepare.Job,
                Description = JobCodec.ToProto(prepare.Description),
                Step = prepare.Step,
                CheckpointFolder = prepare.CheckpointFolder,
                Returns = prepare.Returns,
            },
        },
        Cluster.Jobs.HaltJob halt => new()
        {
            Halt = new() { Job = halt.Job, Generation = halt.Generation, Reason = halt.Reason },
        },
        Cluster.Jobs.YieldWork yield => new()
        {
            Yield = new()
            {
                Job = yield.Job,
                Generation = yield.Generation,
                Reason = yield.Reason,
            },
        },
        Cluster.Jobs.FormGeneration form => new()
        {
            Form = new()
            {
                Job = form.Job,
                Generation = JobCodec.ToProto(form.Generation),
                Rank = form.Rank,
            },
        },
        Cluster.Jobs.StopWork stop => new()
        {
            Stop = new() { Job = stop.Job, Reason = stop.Reason },
        },
        Cluster.Jobs.CheckpointWork checkpoint => new()
        {
            Checkpoint = new() { Job = checkpoint.Job },
        },
        Cluster.Jobs.SaveWork save => new() { Save = new() { Job = save.Job } },
        Cluster.Jobs.ReleaseJob release => new()
        {
            Release = new() { Job = release.Job, Reason = release.Reason },
        },
        _ => throw new InvariantException($"no frame carries {order.GetType().Name}"),
    };

    private static JobOrder? OrderIn(CoordinatorFrame frame) => frame.FrameCase switch
    {
        CoordinatorFrame.FrameOneofCase.Prepare => new Cluster.Jobs.PrepareJob(
            frame.Prepare.Job, JobCodec.FromProto(frame.Prepare.Description), frame.Prepare.Step,
            frame.Prepare.CheckpointFolder, frame.Prepare.Returns),
        CoordinatorFrame.FrameOneofCase.Halt => new Cluster.Jobs.HaltJob(
            frame.Halt.Job, frame.Halt.Generation, frame.Halt.Reason),
        CoordinatorFrame.FrameOneofCase.Yield => new Cluster.Jobs.YieldWork(
            frame.Yield.Job, frame.Yield.Generation, frame.Yield.Reason),
        CoordinatorFrame.FrameOneofCase.Form => new Cluster.Jobs.FormGeneration(
            frame.Form.Job, JobCodec.FromProto(frame.Form.Generation), frame.Form.Rank),
        CoordinatorFrame.FrameOneofCase.Stop =>
            new Cluster.Jobs.StopWork(frame.Stop.Job, frame.Stop.Reason),
        CoordinatorFrame.FrameOneofCase.Checkpoint =>
            new Cluster.Jobs.CheckpointWork(frame.Checkpoint.Job),
        CoordinatorFrame.FrameOneofCase.Save => new Cluster.Jobs.SaveWork(frame.Save.Job),
        CoordinatorFrame.FrameOneofCase.Release =>
            new Cluster.Jobs.ReleaseJob(frame.Release.Job, frame.Release.Reason),
        _ => null,
    };
}
