using Distributed.Cluster.Coordination;
using Distributed.Cluster.Sweeps;
using Distributed.Kernel;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Workload;

/// <summary>
/// A command line that runs one sweep after another: it watches each to its end, through lost
/// coordinators, gives it orders at drawn times, and resumes what is paused.
/// </summary>
internal sealed class SweepWatcher(ProcessLife life, SimulatedWorld world) : IEventHandler
{
    // With less time than this left there is no sense in another one.
    private const long LeftNsMin = 60 * Span.Second;

    private readonly Prng random = new(CounterRandom.Key(world.Seed, (ulong)life.Number, 0x5EE9));
    private SweepStream? stream;
    private SweepState? seen;
    private string leader = "";
    private int dials;
    private bool isDialling;
    private int ordersLeft;

    public int Number => life.Number;

    /// <summary>Null between two sweeps.</summary>
    public SweepSubmitted? Sweep { get; private set; }

    /// <summary>When the sweep was submitted or something was last wanted of it.</summary>
    public long AskedNs { get; private set; }

    private long SeenCount => seen?.NextSequence ?? 0;

    public void Start()
    {
        Later(random.NextBetween(0, 60 * Span.Second), Next.Submit);
        Later(5 * Span.Second, Next.Look);
    }

    public void Handle(object message)
    {
        switch (message)
        {
            case Next.Submit:
                Submit();
                break;
            case Next.Dial:
                Dial();
                break;
            case Next.Order:
                Order();
                break;
            case Next.Look:
                Look();
                Later(random.NextBetween(5, 20) * Span.Second, Next.Look);
                break;
        }
    }

    public void OnMessage(SweepStream from, object message)
    {
        if (world.Checker.Log is not null && message is not TrialStepped)
            world.Checker.Note($"{life.Machine.Name} hears {message}");
        if (from != stream || Sweep is null)
            return;
        switch (message)
        {
            case CoordinatorStandsBy standsBy:
                leader = standsBy.LeaderAddress;
                Hang("it stands by");
                break;
            case SweepUnknown:
                world.Checker.Fail("lost", $"sweep {Sweep.Sweep:x16} was told of and is unknown");
                break;
            case SweepProgressed progressed:
                foreach (SweepDecision decision in progressed.Decisions)
                    OnDecision(decision);
                if (seen?.EndReason is not null)
                    OnEnd();
                break;
        }
    }

    public void OnClosed(SweepStream closed)
    {
        if (closed != stream)
            return;
        stream = null;
        DialLater();
    }

    private void OnDecision(SweepDecision decision)
    {
        world.Checker.Expect(
            decision.Sweep == Sweep!.Sweep && decision.Sequence == SeenCount, "watchers",
            $"a sweep's watcher is told of decision {decision.Sequence} after {SeenCount}");
        if (decision.Sequence != SeenCount)
            return;
        if (decision is SweepSubmitted submitted)
            seen = new SweepState(submitted);
        else
            seen!.Apply(decision);
    }

    private void Submit()
    {
        if (world.EndNs - world.Scheduler.NowNs < LeftNsMin)
            return;
        ulong number = random.NextUInt64() | 1;
        Sweep = new SweepSubmitted(number, SweepDraw.Draw(random, number, world.Conditions));
        AskedNs = world.Scheduler.NowNs;
        seen = null;
        world.Checker.Note($"{life.Machine.Name} submits sweep {number:x16}");
        ordersLeft = random.NextPercent(50) ? random.NextBetween(1, 3) : 0;
        if (ordersLeft > 0)
            OrderLater();
        if (stream is null)
            Dial();
        else
            stream.Ask(Sweep, SeenCount);
    }

    /// <summary>Most sweeps are over with their end; some are added to, or tried again.</summary>
    private void OnEnd()
    {
        if (seen!.StopReason is null && random.NextPercent(15) && stream is not null)
        {
            Send(seen.Trials.Any(trial => trial.End is TrialEnd.Failed) && random.NextPercent(70)
                ? new RetryTrial(Sweep!.Sweep, -1)
                : new AddTrials(Sweep!.Sweep, random.NextBetween(1, 2)));
            return;
        }

        Sweep = null;
        Hang("its sweep has ended");
        Later(random.NextBetween(0, 30 * Span.Second), Next.Submit);
    }

    private void Order()
    {
        if (Sweep is null || ordersLeft == 0)
            return;
        ordersLeft--;
        if (seen is { EndReason: null } && stream is not null)
        {
            int kind = random.NextBetween(0, 9);
            Send(kind < 5 && world.Has(FaultClasses.Stops)
                ? new PauseSweep(Sweep.Sweep, "paused by command")
                : kind == 5 && world.Has(FaultClasses.Stops)
                    ? new StopSweep(Sweep.Sweep, "stopped by command")
                    : kind < 8 ? new AddTrials(Sweep.Sweep, random.NextBetween(1, 2))
                    : new RetryTrial(Sweep.Sweep, -1));
        }

        if (ordersLeft > 0)
            OrderLater();
    }

    /// <summary>What is paused is resumed; and an end that an order came too late for is seen.
    /// </summary>
    private void Look()
    {
        if (Sweep is null || seen is null || stream is null)
            return;
        if (seen.EndReason is not null)
            OnEnd();
        else if (seen is { PauseReason: not null, StopReason: null })
            Send(new ResumeSweep(Sweep.Sweep));
    }

    private void Send(SweepOrder order)
    {
        world.Checker.Note($"{life.Machine.Name} wants {order}");
        world.Checker.OnSweepOrdered(order);
        stream!.Order(order);
    }

    private void Dial()
    {
        if (stream is not null || isDialling || Sweep is null)
            return;
        isDialling = true;
        string address = leader.Length > 0
            ? leader
            : world.Coordinators[dials++ % world.Coordinators.Count].Address;
        leader = "";
        world.Dialling.Dial(life, address, OnConnected, _ =>
        {
            isDialling = false;
            DialLater();
        });
    }

    private void OnConnected(ProcessLife listener)
    {
        isDialling = false;
        stream = new SweepStream(world.Network, this, life, listener);
        if (Sweep is not null)
            stream.Ask(Sweep, SeenCount);
    }

    private void Hang(string reason)
    {
        stream?.Close(reason);
        stream = null;
        DialLater();
    }

    private void OrderLater() =>
        Later(random.NextScaled(Span.Second, 300 * Span.Second), Next.Order);

    private void DialLater() =>
        Later(random.NextBetween(Span.Second / 10, 2 * Span.Second), Next.Dial);

    private void Later(long delayNs, Next next) =>
        world.Scheduler.Post(delayNs, life, this, next);

    private enum Next
    {
        Submit,
        Dial,
        Order,
        Look,
    }
}
