namespace Distributed.Kernel.Tests.Actors;

public sealed class TimerTests
{
    private readonly List<string> journal = [];
    private readonly TestEnvironment environment = new();
    private readonly IActorRef actor;
    private readonly IActorRef silent;

    public TimerTests()
    {
        actor = environment.System.Spawn("a", () => new Scripted("a", journal));
        silent = environment.System.Spawn(
            "silent", () => new Scripted("silent", []) { OnMessage = (_, _) => { } });
        environment.Settle();
        journal.Clear();
    }

    [Fact]
    public void Timers_fire_in_the_order_of_their_time()
    {
        Do(context =>
        {
            context.StartTimer("late", TimeSpan.FromSeconds(2), "late");
            context.StartTimer("early", TimeSpan.FromSeconds(1), "early");
            context.StartTimer("never", Timeout.InfiniteTimeSpan + TimeSpan.MaxValue, "never");
        });
        environment.Advance(0.999);
        Assert.Empty(journal);
        environment.Advance(10);
        Assert.Equal(["a: early", "a: late"], journal);
    }

    [Fact]
    public void A_timer_of_the_same_key_replaces_the_first()
    {
        Do(context => context.StartTimer("t", TimeSpan.FromSeconds(1), "first"));
        environment.Advance(0.9);
        Do(context => context.StartTimer("t", TimeSpan.FromSeconds(1), "second"));
        environment.Advance(0.9);
        Assert.Empty(journal);
        environment.Advance(0.1);
        Assert.Equal(["a: second"], journal);
        Assert.Null(environment.System.NextDueNs);
    }

    [Fact]
    public void A_cancelled_timer_never_arrives_even_if_it_has_fired()
    {
        Do(context => context.StartTimer("t", TimeSpan.Zero, "cancelled"));
        environment.Settle();
        Do(context =>
        {
            context.StartTimer("t", TimeSpan.FromSeconds(1), "cancelled");
            context.StartTimer("u", TimeSpan.FromSeconds(1), "stays");
        });
        environment.Settle();
        journal.Clear();
        Do(context => context.CancelTimer("t"));
        environment.Advance(1);
        Assert.Equal(["a: stays"], journal);

        // Both timers fire before the script runs: the second is already in the mailbox.
        Do(context =>
        {
            context.StartTimer("x", TimeSpan.FromSeconds(1), (Action<IActorContext>)(inner =>
            {
                inner.CancelTimer("y");
                Assert.False(inner.IsTimerActive("y"));
                Assert.False(inner.IsTimerActive("x"));
            }));
            context.StartTimer("y", TimeSpan.FromSeconds(1), "cancelled");
            Assert.True(context.IsTimerActive("y"));
        });
        environment.Advance(5);
        Assert.Equal(["a: stays"], journal);
    }

    [Fact]
    public void A_periodic_timer_keeps_its_phase_and_skips_what_it_missed()
    {
        var times = new List<long>();
        var busy = environment.System.Spawn("b", () => new Scripted("b", journal)
        {
            OnMessage = (_, context) => times.Add(context.NowNs),
        });
        var startNs = environment.NowNs;
        busy.Tell((Action<IActorContext>)(context =>
            context.StartPeriodicTimer("tick", TimeSpan.FromSeconds(1), "tick")));
        environment.Advance(2.5);
        Assert.Equal([1, 2], times.Select(time => (time - startNs) / 1_000_000_000));
        Assert.Equal(startNs + 3_000_000_000, environment.System.NextDueNs);
    }

    [Fact]
    public void Timers_that_are_started_anew_do_not_pile_up()
    {
        Do(context =>
        {
            for (var round = 0; round < 1000; round++)
            {
                context.StartTimer("t", TimeSpan.FromHours(1), "t");
            }
        });
        environment.Settle();
        Assert.Equal(1, environment.System.Timers.Count);
    }

    [Fact]
    public void Ask_delivers_the_first_answer_and_no_timeout()
    {
        IActorRef? asked = null;
        var teller = environment.System.Spawn("teller", () => new Scripted("teller", journal)
        {
            OnMessage = (message, context) =>
            {
                asked = context.Sender;
                context.Reply("one");
                context.Reply("two");
            },
        });
        Do(context => context.Ask(teller, "?", TimeSpan.FromSeconds(1), "timeout"));
        environment.Advance(5);
        Assert.Equal(["teller starts", "a: one"], journal);
        Assert.Equal("/ask/1", asked!.Path);
        Assert.Null(environment.System.Resolve("/ask/1"));
        Assert.Equal(1, environment.System.DeadLetterCount(DeadLetterReason.AskOver));
    }

    [Fact]
    public void Ask_delivers_the_timeout_message_at_the_deadline_and_nothing_after_it()
    {
        IActorRef? asked = null;
        var slow = environment.System.Spawn("slow", () => new Scripted("slow", [])
        {
            OnMessage = (_, context) => asked = context.Sender,
        });
        Do(context => context.Ask(slow, "?", TimeSpan.FromSeconds(1), "timeout"));
        environment.Advance(0.999);
        Assert.Empty(journal);
        Assert.Same(asked, environment.System.Resolve("/ask/1"));
        environment.Advance(0.001);
        Assert.Equal(["a: timeout"], journal);
        asked!.Tell("too late");
        environment.Settle();
        Assert.Equal(["a: timeout"], journal);
        Assert.Equal(1, environment.System.DeadLetterCount(DeadLetterReason.AskOver));
    }

    [Fact]
    public void Who_stopped_is_sent_no_timeout()
    {
        Do(context => context.Ask(silent, "?", TimeSpan.FromSeconds(1), "timeout"));
        environment.Settle();
        environment.System.Stop(actor);
        environment.Advance(2);
        Assert.Equal(0, environment.System.DeadLetterCount(DeadLetterReason.Stopped));
        Assert.Null(environment.System.NextDueNs);
    }

    [Fact]
    public void The_heap_is_a_stable_order_under_random_adding_and_removing()
    {
        // Against a sorted list, with times that collide often.
        var random = new Prng(7);
        var heap = new TimerHeap();
        var model = new List<Entry>();
        for (var step = 0; step < 20_000; step++)
        {
            if (model.Count == 0 || random.NextChance(3, 5))
            {
                var entry = new Entry();
                heap.Add(entry, (long)random.NextBelow(50));
                model.Add(entry);
            }
            else if (random.NextChance(1, 2))
            {
                var entry = model[(int)random.NextBelow((ulong)model.Count)];
                heap.Remove(entry);
                model.Remove(entry);
            }
            else
            {
                var expected = model.MinBy(entry => (entry.DueNs, entry.Sequence))!;
                Assert.True(heap.TryTakeDue(long.MaxValue, out var taken));
                Assert.Same(expected, taken);
                model.Remove(expected);
            }
            Assert.Equal(model.Count, heap.Count);
            if (model.Count > 200)
            {
                model.ForEach(heap.Remove);
                model.Clear();
            }
        }
    }

    private void Do(Action<IActorContext> script) => actor.Tell(script);

    private sealed class Entry : ScheduledEntry
    {
        internal override void Fire(long nowNs)
        {
        }
    }
}
