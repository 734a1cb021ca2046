using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;

namespace Distributed.Kernel.Tests.Actors;

/// <summary>
/// Goal: a node stops in Akka's order, waits for what it should and for no longer than it may.
/// </summary>
public sealed class CoordinatedShutdownTests
{
    private readonly List<string> journal = [];
    private readonly TestEnvironment environment = new();
    private readonly IActorRef shutdown;

    public CoordinatedShutdownTests() => shutdown = SpawnIn(environment);

    [Fact]
    public void ThePhasesAreAkkas() => Assert.Equal(
        ["before-service-unbind", "service-unbind", "service-requests-done", "service-stop",
            "before-cluster-shutdown", "cluster-leave", "cluster-exiting", "cluster-exiting-done",
            "cluster-shutdown", "before-actor-system-terminate", "actor-system-terminate"],
        Enum.GetValues<ShutdownPhase>().Select(phase => phase.Name()));

    [Fact]
    public void Without_tasks_the_system_stops_at_once()
    {
        shutdown.Tell(new RunShutdown("SIGTERM"));
        environment.Settle();
        Assert.True(environment.System.IsTerminated);
        Assert.Equal(
            ["shutdown begins: SIGTERM",
                "shutdown is complete, the actor system stops: SIGTERM"],
            environment.Logged.Select(record => record.Text));
    }

    [Fact]
    public void Tasks_of_one_phase_run_side_by_side_and_the_next_phase_waits_for_all()
    {
        Add(ShutdownPhase.ClusterLeave, "c");
        Add(ShutdownPhase.ServiceUnbind, "a");
        Add(ShutdownPhase.ServiceUnbind, "b");
        shutdown.Tell(new RunShutdown("x"));
        environment.Settle();
        Assert.Equal(["a", "b"], journal);
        Done("b");
        Assert.Equal(["a", "b"], journal);
        Done("a");
        Assert.Equal(["a", "b", "c"], journal);
        Assert.False(environment.System.IsStopping);
        Done("c");
        Assert.True(environment.System.IsTerminated);
        Assert.Null(environment.System.NextDueNs);
    }

    [Fact]
    public void A_late_task_costs_its_phase_the_time_out_and_is_named()
    {
        Add(ShutdownPhase.ServiceStop, "slow");
        Add(ShutdownPhase.ServiceStop, "fast");
        Add(ShutdownPhase.ClusterLeave, "leave");
        shutdown.Tell(new RunShutdown("x"));
        environment.Settle();
        Done("fast");
        environment.Advance(4.999);
        Assert.Equal(["slow", "fast"], journal);
        environment.Advance(0.001);
        Assert.Equal(["slow", "fast", "leave"], journal);
        var warning = Assert.Single(
            environment.Logged, record => record.Level == ActorLogLevel.Warning);
        Assert.Equal(
            "the phase service-stop goes on without slow: not done within 5 s", warning.Text);

        // What comes too late ends nothing, and the next phase has its full time.
        Done("slow");
        environment.Advance(4.999);
        Assert.False(environment.System.IsStopping);
        Assert.Contains(
            environment.Logged, record => record.Text == "slow is done, after its phase");
        environment.Advance(0.001);
        Assert.True(environment.System.IsTerminated);
    }

    [Fact]
    public void Running_twice_is_one_run_with_the_first_reason()
    {
        Add(ShutdownPhase.ServiceStop, "a");
        shutdown.Tell(new RunShutdown("first"));
        shutdown.Tell(new RunShutdown("second"));
        environment.Settle();
        Assert.Equal(["a"], journal);
        Assert.Contains(environment.Logged, record =>
            record.Text == "asked to shut down (second), which goes on already: first");
        Done("a");
        Assert.EndsWith(
            ": first", environment.Logged[^1].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_task_may_be_done_at_once_replaced_or_taken_back()
    {
        Add(ShutdownPhase.ServiceStop, "a", isDoneAtOnce: true);
        Add(ShutdownPhase.ServiceStop, "b");
        Add(ShutdownPhase.ClusterLeave, "b", isDoneAtOnce: true);
        Add(ShutdownPhase.ServiceUnbind, "c");
        shutdown.Tell(new RemoveShutdownTask("c"));
        shutdown.Tell(new RunShutdown("x"));
        environment.Settle();
        Assert.Equal(["a", "b"], journal);
        Assert.True(environment.System.IsTerminated);
    }

    [Fact]
    public void A_task_that_fails_is_logged_and_keeps_nobody_from_stopping()
    {
        shutdown.Tell(new AddShutdownTask(
            ShutdownPhase.ServiceStop, "bad", _ => throw new IOException("no disk")));
        Add(ShutdownPhase.ServiceStop, "good", isDoneAtOnce: true);
        shutdown.Tell(new RunShutdown("x"));
        environment.Settle();
        Assert.Equal(["good"], journal);
        Assert.Contains(
            environment.Logged, record => record.Text == "bad failed to start: no disk");
        Assert.True(environment.System.IsTerminated);
    }

    [Fact]
    public void A_task_can_be_added_for_a_phase_to_come_but_not_for_one_that_has_begun()
    {
        Add(ShutdownPhase.ServiceStop, "now");
        shutdown.Tell(new RunShutdown("x"));
        environment.Settle();
        Add(ShutdownPhase.ServiceStop, "too late");
        Add(ShutdownPhase.ClusterLeave, "in time");
        environment.Settle();
        Done("now");
        Assert.Equal(["now", "in time"], journal);
        Assert.Contains(environment.Logged, record => record.Text
            == "too late comes too late for the phase service-stop and is not run");
    }

    [Fact]
    public void The_state_tells_the_reason_the_phase_and_who_is_waited_for()
    {
        Assert.Equal(new ShutdownState(null, null, []), State(), Same);
        Add(ShutdownPhase.ClusterExiting, "a");
        Add(ShutdownPhase.ClusterExiting, "b");
        shutdown.Tell(new RunShutdown("deploy"));
        environment.Settle();
        Done("a");
        Assert.Equal(
            new ShutdownState("deploy", ShutdownPhase.ClusterExiting, ["b"]), State(), Same);
    }

    [Fact]
    public void A_completion_that_nobody_waits_for_is_a_dead_letter()
    {
        Done("nobody");
        Assert.Equal(1, environment.System.DeadLetterCount(DeadLetterReason.Unhandled));
    }

    /// <summary>
    /// Goal: whatever is registered, each task starts once, phases never mix, and the node stops in
    /// time. Method: random tasks that are done at once, after a random time, or never.
    /// </summary>
    [Property(MaxTest = 200)]
    public Property Any_set_of_tasks_comes_to_an_end_in_order((byte Phase, byte Seconds)[] drawn)
    {
        // FsCheck runs all cases on one instance of this class.
        var fresh = new TestEnvironment();
        var actor = SpawnIn(fresh);
        var phases = Enum.GetValues<ShutdownPhase>();
        var started = new List<(ShutdownPhase Phase, long AtNs)>();
        for (var index = 0; index < drawn.Length; index++)
        {
            var phase = phases[drawn[index].Phase % phases.Length];
            var seconds = drawn[index].Seconds % 8;
            var done = new ShutdownTaskDone($"task {index}");
            actor.Tell(new AddShutdownTask(phase, done.Name, context =>
            {
                started.Add((phase, context.NowNs));
                context.StartTimer(done, TimeSpan.FromSeconds(seconds), done);
            }));
        }
        var beganNs = fresh.NowNs;
        actor.Tell(new RunShutdown("x"));
        fresh.Advance(5 * phases.Length);

        // A phase takes as long as its slowest task, and five seconds at most.
        var expected = new List<(ShutdownPhase Phase, long AtNs)>();
        var nowNs = beganNs;
        foreach (var group in drawn
            .GroupBy(task => phases[task.Phase % phases.Length]).OrderBy(group => group.Key))
        {
            expected.AddRange(Enumerable.Repeat((group.Key, nowNs), group.Count()));
            nowNs += Nanoseconds.Of(TimeSpan.FromSeconds(
                group.Max(task => Math.Min(task.Seconds % 8, 5))));
        }
        return (fresh.System.IsTerminated && expected.SequenceEqual(started)).ToProperty();
    }

    private static IActorRef SpawnIn(TestEnvironment environment) => environment.System.Spawn(
        CoordinatedShutdown.ActorName, () => new CoordinatedShutdown(TimeSpan.FromSeconds(5)));

    private static bool Same(ShutdownState a, ShutdownState b) =>
        a.Reason == b.Reason && a.Phase == b.Phase && a.Waiting.SequenceEqual(b.Waiting);

    private void Add(ShutdownPhase phase, string name, bool isDoneAtOnce = false) => shutdown.Tell(
        new AddShutdownTask(phase, name, _ => journal.Add(name), isDoneAtOnce));

    private void Done(string name)
    {
        shutdown.Tell(new ShutdownTaskDone(name));
        environment.Settle();
    }

    private ShutdownState State()
    {
        ShutdownState? state = null;
        var asker = environment.System.Spawn($"asker-{environment.NowNs}-{journal.Count}", () =>
            new Scripted("asker", [])
            {
                OnMessage = (message, _) => state = (ShutdownState)message,
            });
        shutdown.Tell(new GetShutdownState(), asker);
        environment.Settle();
        return state!;
    }
}
