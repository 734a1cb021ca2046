namespace Distributed.Kernel.Tests.Actors;

/// <summary>A virtual clock and one thread: what the simulator is, without the faults.</summary>
internal sealed class TestEnvironment : IActorEnvironment
{
    private static readonly DateTimeOffset Epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public TestEnvironment(ulong seed = 1, ActorSystemOptions? options = null) =>
        System = new ActorSystem("test", this, seed, options);

    public ActorSystem System { get; }

    public long NowNs { get; private set; } = 1_000;

    public DateTimeOffset UtcNow => Epoch.AddTicks(NowNs / TimeSpan.NanosecondsPerTick);

    public bool OnActorThread { get; set; } = true;

    public List<ActorLogRecord> Logged { get; } = [];

    public List<Envelope> Posted { get; } = [];

    public int Wakes { get; private set; }

    public void Post(in Envelope envelope) => Posted.Add(envelope);

    public void Wake() => Wakes++;

    public void Log(ActorLogRecord record) => Logged.Add(record);

    /// <summary>Runs all that there is to do now.</summary>
    public void Settle()
    {
        while (System.Run(7))
        {
        }
    }

    /// <summary>Lets time pass, stopping at every timer on the way.</summary>
    public void Advance(TimeSpan span)
    {
        var endNs = NowNs + Nanoseconds.Of(span);
        Settle();
        while (System.NextDueNs is { } dueNs && dueNs <= endNs)
        {
            NowNs = Math.Max(NowNs, dueNs);
            Settle();
        }
        NowNs = endNs;
    }

    public void Advance(double seconds) => Advance(TimeSpan.FromSeconds(seconds));
}
