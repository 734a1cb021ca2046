using Distributed.Cluster.Coordination;
using Distributed.Cluster.Sweeps;
using Distributed.Kernel;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Storage;

/// <summary>
/// One coordinator process's way to the store: calls and answers keep their order. A call that is
/// under way takes effect, or not, whatever happens to the process.
/// </summary>
internal sealed class SimulatedStore(
    ProcessLife life, SimulatedWorld world, StoreServer server) : IClusterStore, IEventHandler
{
    /// <summary>More calls than these under way mean that nobody bounds them.</summary>
    public const int CallsMax = 10_000;

    private readonly Prng random = new(CounterRandom.Key(world.Seed, (ulong)life.Number, 0x570));
    private readonly Queue<Call> calls = new();
    private readonly Queue<(IActorRef ReplyTo, object Answer)> answers = new();
    private long callNs;
    private long answerNs;

    public int Number => life.Number;

    /// <summary>The newest term that this process was granted.</summary>
    public long Term { get; private set; }

    /// <summary>Nothing gets through to the store before then; what is sent arrives late.</summary>
    public long StallEndsNs { get; set; }

    public void ReadLease(IActorRef replyTo) => Begin(new Call(replyTo, null, server.Read));

    public void TakeLease(CoordinatorIdentity holder, Lease seen, IActorRef replyTo) =>
        Begin(new Call(replyTo, null, () => server.Take(life, holder, seen)));

    public void RenewLease(long term, IActorRef replyTo) =>
        Begin(new Call(replyTo, null, () => server.Renew(life, term)));

    public void ReturnLease(long term) => Begin(new Call(null, null, () =>
    {
        server.Return(term);
        return this;
    }));

    public void LoadJobs(IActorRef replyTo) => Begin(new Call(replyTo, null, server.Load));

    public void Append(long term, JobDecision decision, IActorRef replyTo) => Begin(
        new Call(replyTo, decision, () => server.Append(life, term, decision)));

    public void AppendSweep(
        long term, IReadOnlyList<SweepDecision> decisions, IActorRef replyTo) => Begin(
        new Call(replyTo, null, () => server.AppendSweep(life, term, decisions)));

    public void Handle(object message)
    {
        if (message is CallArrives)
        {
            Execute(calls.Dequeue());
            return;
        }

        (IActorRef replyTo, object answer) = answers.Dequeue();
        if (answer is LeaseTaken taken)
            Term = taken.Term;
        replyTo.Tell(answer);
    }

    private void Begin(Call call)
    {
        if (calls.Count >= CallsMax)
            world.Checker.Fail("bounds", $"{calls.Count} calls of the store are under way");
        calls.Enqueue(call);
        callNs = Math.Max(
            callNs + 1, Math.Max(world.Scheduler.NowNs, StallEndsNs) + Delay());
        world.Scheduler.Post(
            callNs - world.Scheduler.NowNs, null, this, CallArrives.Instance);
    }

    private void Execute(Call call)
    {
        bool away = server.OutageEndsNs > world.Scheduler.NowNs;
        bool fails = away || random.NextPercent(server.FailPercent);
        bool takesEffect = !fails || (!away && random.NextPercent(50));
        object? answer = takesEffect ? call.Execute() : null;
        if (call.ReplyTo is null)
            return;
        if (fails)
            answer = new StoreFailed(call.Decision, "the simulated store did not answer");
        answers.Enqueue((call.ReplyTo, answer!));
        answerNs = Math.Max(answerNs + 1, world.Scheduler.NowNs + Delay());
        world.Scheduler.Post(
            answerNs - world.Scheduler.NowNs, life, this, AnswerArrives.Instance);
    }

    // Once in a while the store is busy with something else.
    private long Delay() => random.NextBetween(
        world.Conditions.StoreNs / 2, world.Conditions.StoreNs * 2)
        * (random.NextChance(1, 200) ? 20 : 1);

    private sealed record Call(IActorRef? ReplyTo, JobDecision? Decision, Func<object> Execute);

    private sealed class CallArrives
    {
        public static readonly CallArrives Instance = new();
    }

    private sealed class AnswerArrives
    {
        public static readonly AnswerArrives Instance = new();
    }
}
