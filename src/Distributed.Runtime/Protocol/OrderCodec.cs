using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Runtime.Protocol;

/// <summary>
/// The coordinator's orders to a worker, as records and as frames of its control stream.
/// </summary>
internal static class OrderCodec
{
    public static CoordinatorFrame ToFrame(JobOrder order) => order switch
    {
        Cluster.Jobs.PrepareJob prepare => new() { Prepare = JobCodec.ToProto(prepare) },
        Cluster.Jobs.StartJob start => new() { Start = new() { Job = start.Job } },
        Cluster.Jobs.StopWork stop => new()
        {
            Stop = new() { Job = stop.Job, Reason = stop.Reason },
        },
        Cluster.Jobs.ReleaseJob release => new()
        {
            Release = new() { Job = release.Job, Reason = release.Reason },
        },
        _ => throw new InvariantException($"no frame carries {order.GetType().Name}"),
    };

    /// <summary>The order in a frame; null where it holds none that this version knows.</summary>
    public static JobOrder? FromFrame(CoordinatorFrame frame) => frame.FrameCase switch
    {
        CoordinatorFrame.FrameOneofCase.Prepare => JobCodec.FromProto(frame.Prepare),
        CoordinatorFrame.FrameOneofCase.Start => new Cluster.Jobs.StartJob(frame.Start.Job),
        CoordinatorFrame.FrameOneofCase.Stop =>
            new Cluster.Jobs.StopWork(frame.Stop.Job, frame.Stop.Reason),
        CoordinatorFrame.FrameOneofCase.Release =>
            new Cluster.Jobs.ReleaseJob(frame.Release.Job, frame.Release.Reason),
        _ => null,
    };
}
