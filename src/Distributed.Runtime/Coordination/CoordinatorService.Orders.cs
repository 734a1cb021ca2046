using Distributed.Cluster.Coordination;
using Distributed.Kernel;
using Distributed.Runtime.Protocol;
using Grpc.Core;

namespace Distributed.Runtime.Coordination;

/// <summary>What a person orders the cluster to do.</summary>
internal sealed partial class CoordinatorService
{
    public override async Task<OrderClusterReply> OrderCluster(
        OrderClusterRequest request, ServerCallContext context)
    {
        object reply = await coordinator.Loop.Ask<object>(
            await coordinator.Actor, ClusterOrderCodec.FromProto(request), AnswerDeadline);
        return reply switch
        {
            CoordinatorStandsBy standby => throw Refusal(standby),
            ClusterOrderReply answered => new()
            {
                Taken = answered.Taken,
                Message = answered.Message,
            },
            _ => throw new InvariantException(
                $"an order is not answered with {reply.GetType().Name}"),
        };
    }
}
