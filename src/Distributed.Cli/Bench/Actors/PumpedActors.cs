using System.Diagnostics;
using Distributed.Kernel;

namespace Distributed.Cli.Bench.Actors;

/// <summary>
/// An actor system that runs when it is told to, on the caller's thread: so what it does in a
/// second is what one core does in a second.
/// </summary>
internal sealed class PumpedActors : IActorEnvironment
{
    private const int MessagesPerRound = 256;

    private readonly long _origin = Stopwatch.GetTimestamp();

    public PumpedActors(int mailboxCapacity) => System = new ActorSystem(
        "bench", this, seed: 1,
        new ActorSystemOptions
        {
            MailboxCapacity = mailboxCapacity,
            LogLevel = ActorLogLevel.Error,
        });

    public ActorSystem System { get; }

    public long NowNs => (long)Stopwatch.GetElapsedTime(_origin).TotalNanoseconds;

    public DateTimeOffset UtcNow => DateTimeOffset.UtcNow;

    public bool OnActorThread => true;

    /// <summary>Handles what there is to handle now.</summary>
    public void Drain()
    {
        while (System.Run(MessagesPerRound))
        {
            // Until nothing is left.
        }
    }

    /// <summary>How many messages are handled in a second, while there are always some.</summary>
    public double MessagesPerSecond(TimeSpan duration)
    {
        long before = System.MessagesHandled;
        long started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < duration)
            Invariant.Check(System.Run(MessagesPerRound), "messages go round for ever");
        return (System.MessagesHandled - before) / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    void IActorEnvironment.Post(in Envelope envelope) => System.Deliver(envelope);

    void IActorEnvironment.Wake()
    {
        // Whoever tells an actor runs the system next.
    }

    void IActorEnvironment.Log(ActorLogRecord record) => Console.Error.WriteLine(record.Text);
}
