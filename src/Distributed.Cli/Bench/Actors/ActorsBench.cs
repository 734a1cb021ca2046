using Distributed.Kernel;

namespace Distributed.Cli.Bench.Actors;

/// <summary>`bench actors`: what one core gets through the kernel and the coordinator.</summary>
internal static class ActorsBench
{
    private const int FanIn = 1000;
    private const int Members = 1000;

    private static readonly TimeSpan RoundTime = TimeSpan.FromSeconds(1);

    public static void Run(int rounds, BenchOutput output)
    {
        var table = new FigureTable(output, "Actors, on one core");
        Measure("ping-pong of two actors", "messages/s", PingPong().MessagesPerSecond);
        Measure(
            $"fan-in of {FanIn} actors to one", "messages/s", FanInto().MessagesPerSecond);
        Measure(
            $"heartbeats of {Members} workers at a coordinator", "heartbeats/s",
            new HeartbeatLoad(Members).HeartbeatsPerSecond);
        table.Show();

        void Measure(string figure, string unit, Func<TimeSpan, double> perSecond)
        {
            output.Progress(figure);
            perSecond(RoundTime); // Methods are compiled for good.
            table.Add(
                figure, unit, Enumerable.Range(0, rounds).Select(_ => perSecond(RoundTime)));
        }
    }

    private static PumpedActors PingPong()
    {
        var actors = new PumpedActors(mailboxCapacity: 16);
        Serve(actors, "server", Player(actors, "player"));
        return actors;
    }

    /// <summary>Each has one message under way, so that the one's mailbox stays full.</summary>
    private static PumpedActors FanInto()
    {
        var actors = new PumpedActors(mailboxCapacity: 2 * FanIn);
        IActorRef player = Player(actors, "player");
        for (int number = 0; number < FanIn; number++)
            Serve(actors, $"server-{number}", player);
        return actors;
    }

    private static IActorRef Player(PumpedActors actors, string name) =>
        actors.System.Spawn(name, () => new Player());

    private static void Serve(PumpedActors actors, string name, IActorRef other) =>
        actors.System.Spawn(name, () => new Server(other)).Tell(Ball.Instance);
}
