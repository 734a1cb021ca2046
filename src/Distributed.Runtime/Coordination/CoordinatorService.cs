using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Runtime.Actors;
using Distributed.Runtime.Protocol;
using Grpc.Core;

namespace Distributed.Runtime.Coordination;

/// <summary>
/// The coordinator as its actor: who connects becomes a message, what it answers a frame.
/// </summary>
internal sealed class CoordinatorService(CoordinatorEndpoint coordinator)
    : Protocol.Coordinator.CoordinatorBase
{
    private static readonly TimeSpan AnswerDeadline = TimeSpan.FromSeconds(5);

    public override async Task Join(
        IAsyncStreamReader<WorkerFrame> requestStream,
        IServerStreamWriter<CoordinatorFrame> responseStream, ServerCallContext context)
    {
        if (!await requestStream.MoveNext(context.CancellationToken)
            || requestStream.Current.FrameCase != WorkerFrame.FrameOneofCase.Hello)
        {
            throw new RpcException(new Status(
                StatusCode.InvalidArgument,
                "the first frame of Join introduces the worker: hello"));
        }

        var worker = JobCodec.FromProto(requestStream.Current.Hello);
        var link = new StreamLink<CoordinatorFrame>(
            $"/worker/{worker.Name}", message => OrderCodec.ToFrame((JobOrder)message));
        await responseStream.WriteAsync(new CoordinatorFrame { Welcome = new Welcome() });
        Task pump = link.PumpAsync(responseStream.WriteAsync, context.CancellationToken);
        coordinator.Actor.Tell(new WorkerConnected(worker, link));
        string reason = "it left";
        try
        {
            while (await requestStream.MoveNext(context.CancellationToken))
            {
                JobReport? report = ReportCodec.FromFrame(requestStream.Current);
                if (report is not null)
                    coordinator.Actor.Tell(new ReportReceived(worker.Incarnation, report));
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException)
        {
            // A process that dies without a word ends its stream so.
            reason = "its connection broke";
        }
        finally
        {
            coordinator.Actor.Tell(new WorkerDisconnected(worker.Incarnation, reason));
            link.Complete();
        }

        await pump.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public override async Task SubmitJob(
        SubmitJobRequest request, IServerStreamWriter<JobEvent> responseStream,
        ServerCallContext context)
    {
        if (request.Description is null)
        {
            throw new RpcException(new Status(
                StatusCode.InvalidArgument, "a submission holds a job description"));
        }

        var events = new StreamLink<JobEvent>(
            "/watcher", message => EventCodec.ToProto((RunEvent)message), IsOutcome);
        coordinator.Actor.Tell(
            new SubmitJob(JobCodec.FromProto(request.Description), events));
        await events.PumpAsync(responseStream.WriteAsync, context.CancellationToken);
    }

    public override async Task<Protocol.StopJobReply> StopJob(
        StopJobRequest request, ServerCallContext context)
    {
        var reply = await coordinator.Loop.Ask<Cluster.Coordination.StopJobReply>(
            coordinator.Actor, new StopJob(request.Job, request.Reason), AnswerDeadline);
        return new Protocol.StopJobReply { Found = reply.Found };
    }

    public override async Task<GetStatusReply> GetStatus(
        GetStatusRequest request, ServerCallContext context)
    {
        var status = await coordinator.Loop.Ask<ClusterStatus>(
            coordinator.Actor, new GetStatus(), AnswerDeadline);
        return JobCodec.ToProto(status);
    }

    private static bool IsOutcome(object happened) => happened
        is Cluster.Jobs.RunCompleted or Cluster.Jobs.RunInterrupted or Cluster.Jobs.RunFailed;
}

/// <summary>The coordinator's actor and the loop that runs it.</summary>
internal sealed record CoordinatorEndpoint(ActorLoop Loop, IActorRef Actor);
