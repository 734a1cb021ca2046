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
internal sealed partial class CoordinatorService(CoordinatorEndpoint coordinator)
    : Protocol.Coordinator.CoordinatorBase
{
    /// <summary>The trailer that names the coordinator which acts.</summary>
    internal const string LeaderAddressKey = "leader-address";

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

        IActorRef actor = await coordinator.Actor;
        var worker = JobCodec.FromProto(requestStream.Current.Hello);
        using var link = new StreamLink<CoordinatorFrame>(
            $"/worker/{worker.Name}",
            message => OrderCodec.ToFrame((CoordinatorMessage)message), _ => false,
            coordinator.Loop.System.DeadLetters);
        await context.WriteResponseHeadersAsync(Metadata.Empty);
        actor.Tell(new WorkerConnected(worker, link));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(
            context.CancellationToken, link.Broken);
        Task pump = link.PumpAsync(responseStream.WriteAsync, stop.Token);
        Task<string> read = ReadAsync(
            requestStream,
            message => actor.Tell(new WorkerSent(worker.Incarnation, link, message)), stop.Token);
        await Task.WhenAny(pump, read);
        // The coordinator closes the link by its own word: then what it said last is written.
        await stop.CancelAsync();
        await pump.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        string ended = await read;
        string reason = link.CloseReason ?? ended;
        link.End(reason);
        actor.Tell(new WorkerDisconnected(worker.Incarnation, link, reason));
    }

    public override Task SubmitJob(
        SubmitJobRequest request, IServerStreamWriter<JobEvent> responseStream,
        ServerCallContext context)
    {
        if (request.Description is null || request.Job == 0)
        {
            throw new RpcException(new Status(
                StatusCode.InvalidArgument,
                "a submission holds a job description and the number that was drawn for it"));
        }

        SubmittedFolder.RequireRun(request.Description.RunFolder);
        return WatchAsync(
            request.Job,
            watcher => new SubmitJob(
                request.Job, JobCodec.FromProto(request.Description), watcher),
            responseStream, context);
    }

    public override Task WatchJob(
        WatchJobRequest request, IServerStreamWriter<JobEvent> responseStream,
        ServerCallContext context) =>
        WatchAsync(
            request.Job,
            watcher => new WatchJob(
                request.Job, request.EpochsSeen, request.ReturnsSeen, watcher),
            responseStream, context);

    public override async Task<Protocol.StopJobReply> StopJob(
        StopJobRequest request, ServerCallContext context)
    {
        object reply = await coordinator.Loop.Ask<object>(
            await coordinator.Actor, new StopJob(request.Job, request.Reason), AnswerDeadline);
        return reply switch
        {
            CoordinatorStandsBy standby => throw Refusal(standby),
            Cluster.Coordination.StopJobReply stopped => new() { Found = stopped.Found },
            _ => throw new InvariantException(
                $"a stop is not answered with {reply.GetType().Name}"),
        };
    }

    public override async Task<GetStatusReply> GetStatus(
        GetStatusRequest request, ServerCallContext context)
    {
        var status = await coordinator.Loop.Ask<ClusterStatus>(
            await coordinator.Actor, new GetStatus(), AnswerDeadline);
        return JobCodec.ToProto(status);
    }

    /// <summary>Hands over what comes, and says why nothing more does.</summary>
    private static async Task<string> ReadAsync(
        IAsyncStreamReader<WorkerFrame> frames, Action<WorkerMessage> take,
        CancellationToken cancellation)
    {
        try
        {
            while (await frames.MoveNext(cancellation))
            {
                WorkerMessage? message = ReportCodec.FromFrame(frames.Current);
                if (message is not null)
                    take(message);
            }

            return "it ended its stream";
        }
        catch (Exception failure) when (
            failure is IOException or OperationCanceledException or InvalidOperationException)
        {
            // A process that dies without a word ends its stream so.
            return "its connection broke";
        }
    }

    private async Task WatchAsync(
        ulong job, Func<IActorRef, object> ask, IServerStreamWriter<JobEvent> responseStream,
        ServerCallContext context)
    {
        CoordinatorStandsBy? standby = null;
        var watcher = new StreamLink<JobEvent>(
            "/watcher",
            message =>
            {
                if (message is not CoordinatorStandsBy refusal)
                    return EventCodec.ToProto((RunEvent)message);
                standby = refusal;
                return null;
            },
            IsOutcome, coordinator.Loop.System.DeadLetters);
        IActorRef actor = await coordinator.Actor;
        actor.Tell(ask(watcher));
        try
        {
            await watcher.PumpAsync(responseStream.WriteAsync, context.CancellationToken);
        }
        finally
        {
            watcher.End("it has seen the end");
            actor.Tell(new WatcherGone(job, watcher));
        }

        if (standby is not null)
            throw Refusal(standby);
    }

    private static RpcException Refusal(CoordinatorStandsBy standby) => new(
        new Status(
            StatusCode.FailedPrecondition,
            standby.LeaderAddress.Length > 0
                ? $"this coordinator stands by: the one at {standby.LeaderAddress} acts"
                : "this coordinator stands by, and knows of none that acts: try again"),
        new Metadata { { LeaderAddressKey, standby.LeaderAddress } });

    private static bool IsOutcome(object happened) => happened
        is Cluster.Jobs.RunCompleted or Cluster.Jobs.RunInterrupted or Cluster.Jobs.RunFailed;
}

/// <summary>The loop that runs the coordinator, and its actor once it is started.</summary>
internal sealed record CoordinatorEndpoint(ActorLoop Loop, Task<IActorRef> Actor);
