using Distributed.Cluster.Coordination;
using Distributed.Cluster.Sweeps;
using Distributed.Kernel;
using Distributed.Runtime.Protocol;
using Grpc.Core;

namespace Distributed.Runtime.Coordination;

/// <summary>How sweeps are submitted, watched and ordered about.</summary>
internal sealed partial class CoordinatorService
{
    public override Task SubmitSweep(
        SubmitSweepRequest request, IServerStreamWriter<SweepEvent> responseStream,
        ServerCallContext context)
    {
        SweepSubmitted submission = SweepCodec.FromProto(request);
        SubmittedFolder.RequireSweep(submission.Description.Folder);
        return WatchSweepAsync(
            request.Sweep, watcher => new SubmitSweep(submission, watcher), responseStream,
            context);
    }

    public override Task WatchSweep(
        WatchSweepRequest request, IServerStreamWriter<SweepEvent> responseStream,
        ServerCallContext context) =>
        WatchSweepAsync(
            request.Sweep, watcher => new WatchSweep(request.Sweep, request.Since, watcher),
            responseStream, context);

    public override async Task<OrderSweepReply> OrderSweep(
        OrderSweepRequest request, ServerCallContext context)
    {
        object reply = await coordinator.Loop.Ask<object>(
            await coordinator.Actor, SweepCodec.FromProto(request), AnswerDeadline);
        return reply switch
        {
            CoordinatorStandsBy standby => throw Refusal(standby),
            SweepOrderReply answered => new()
            {
                Taken = answered.Taken,
                Message = answered.Message,
            },
            _ => throw new InvariantException(
                $"an order is not answered with {reply.GetType().Name}"),
        };
    }

    private async Task WatchSweepAsync(
        ulong sweep, Func<IActorRef, object> ask, IServerStreamWriter<SweepEvent> responseStream,
        ServerCallContext context)
    {
        object? last = null;
        var watcher = new StreamLink<SweepEvent>(
            "/sweep-watcher",
            message =>
            {
                if (message is not (CoordinatorStandsBy or SweepUnknown))
                    return SweepCodec.ToProto(message);
                last = message;
                return null;
            },
            _ => false, coordinator.Loop.System.DeadLetters);
        IActorRef actor = await coordinator.Actor;
        actor.Tell(ask(watcher));
        try
        {
            await watcher.PumpAsync(responseStream.WriteAsync, context.CancellationToken);
        }
        finally
        {
            watcher.End("nothing more is to be told");
            actor.Tell(new SweepWatcherGone(sweep, watcher));
        }

        if (last is CoordinatorStandsBy standby)
            throw Refusal(standby);
        if (last is SweepUnknown)
        {
            throw new RpcException(new Status(
                StatusCode.NotFound,
                $"the cluster knows no sweep {sweep:x16}: expected one that goes on or ended "
                + "within the last hour"));
        }
    }
}
