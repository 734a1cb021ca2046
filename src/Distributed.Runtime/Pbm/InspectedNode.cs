using Distributed.Cluster.Coordination;
using Distributed.Kernel;
using Distributed.Runtime.Actors;
using Distributed.Runtime.Observers;

namespace Distributed.Runtime.Pbm;

/// <summary>The coordinator that commands look at and give orders to.</summary>
/// <param name="Options">What it was set up with.</param>
/// <param name="Model">What it shows.</param>
/// <param name="Loop">Runs its actors.</param>
/// <param name="Coordinator">Takes the orders.</param>
internal sealed record InspectedNode(
    PbmOptions Options, ClusterReadModel Model, ActorLoop Loop, IActorRef Coordinator,
    TimeProvider Clock)
{
    /// <summary>Shorter than a caller waits.</summary>
    public TimeSpan AnswerDeadline { get; init; } = TimeSpan.FromSeconds(5);

    public DateTimeOffset Now => Clock.GetUtcNow();

    /// <exception cref="OperatingException">It stands by, or did not answer in time.</exception>
    public async Task<TReply> AskAsync<TReply>(object order)
    {
        object reply = await Loop.Ask<object>(Coordinator, order, AnswerDeadline);
        return reply switch
        {
            CoordinatorStandsBy standby => throw StandsBy(standby.LeaderAddress),
            TReply expected => expected,
            _ => throw new InvariantException(
                $"{order.GetType().Name} is not answered with {reply.GetType().Name}"),
        };
    }

    /// <summary>What happens now.</summary>
    /// <exception cref="OperatingException">The order was not taken, and why.</exception>
    public async Task<string> OrderAsync(ClusterOrder order)
    {
        ClusterOrderReply reply = await AskAsync<ClusterOrderReply>(order);
        return reply.Taken ? reply.Message : throw new OperatingException(reply.Message);
    }

    /// <exception cref="OperatingException">This coordinator does not act.</exception>
    public void CheckLeads()
    {
        ClusterOverview overview = Model.Overview();
        if (overview.Term == 0)
            throw StandsBy(overview.LeaderAddress);
    }

    private OperatingException StandsBy(string leader) => new(leader.Length > 0
        ? $"this coordinator stands by, and the one at {leader} acts: ask that one, at its own "
            + $"pbm.host and pbm.port (./pbm {leader[..leader.LastIndexOf(':')]}:"
            + $"{Options.Settings.Pbm.Port} unless they were changed)"
        : "this coordinator stands by, and knows of none that acts: try again in a moment");
}
