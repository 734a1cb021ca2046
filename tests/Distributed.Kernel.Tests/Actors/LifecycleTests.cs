namespace Distributed.Kernel.Tests.Actors;

public sealed class LifecycleTests
{
    private readonly List<string> journal = [];
    private readonly TestEnvironment environment = new();

    [Fact]
    public void Stopping_the_system_stops_children_before_parents()
    {
        var a = Spawn("a");
        Do(a, context => Do(
            context.Spawn("b", () => new Scripted("b", journal)),
            inner => inner.Spawn("c", () => new Scripted("c", journal))));
        environment.Settle();
        Assert.Equal(
            ["/user", "/user/a", "/user/a/b", "/user/a/b/c"],
            environment.System.Describe().Select(info => info.Path));
        journal.Clear();
        environment.System.Stop();
        environment.Settle();
        Assert.Equal(["c stops", "b stops", "a stops"], journal);
        Assert.True(environment.System.IsTerminated);
        a.Tell("late");
        Assert.Equal(1, environment.System.DeadLetterCount(DeadLetterReason.Stopped));
    }

    [Fact]
    public void A_stopped_actor_leaves_its_mail_to_the_dead_letters()
    {
        var a = Spawn("a");
        environment.Settle();
        a.Tell("handled");
        a.Tell((Action<IActorContext>)(context => context.Stop(context.Self)));
        a.Tell("dead");
        environment.Settle();
        Assert.Equal(["a starts", "a: handled", "a stops"], journal);
        Assert.Equal(1, environment.System.DeadLetterCount(DeadLetterReason.Stopped));
    }

    [Fact]
    public void A_poison_pill_lets_earlier_messages_be_handled()
    {
        var a = Spawn("a");
        a.Tell("first");
        a.Tell(PoisonPill.Instance);
        environment.Settle();
        Assert.Equal(["a starts", "a: first", "a stops"], journal);
    }

    [Fact]
    public void A_name_is_free_again_when_its_actor_has_stopped()
    {
        var a = Spawn("a");
        Assert.Throws<ArgumentException>(() => Spawn("a"));
        Assert.Throws<ArgumentException>(() => Spawn("a/b"));
        Assert.Throws<ArgumentException>(() => Spawn(""));
        environment.System.Stop(a);
        environment.Settle();
        Assert.NotSame(a, Spawn("a"));
    }

    [Fact]
    public void A_watcher_is_told_once_when_the_actor_stops()
    {
        var a = Spawn("a");
        var watcher = Spawn("watcher");
        Do(watcher, context =>
        {
            context.Watch(a);
            context.Watch(a);
        });
        environment.Settle();
        environment.System.Stop(a);
        environment.Settle();
        Assert.Single(journal, line => line.StartsWith("watcher: Term", StringComparison.Ordinal));
    }

    [Fact]
    public void A_watcher_is_told_of_what_is_dead_already()
    {
        var a = Spawn("a");
        environment.System.Stop(a);
        environment.Settle();
        Terminated? terminated = null;
        var watcher = environment.System.Spawn("watcher", () => new Scripted("watcher", journal)
        {
            OnMessage = (message, _) => terminated = (Terminated)message,
        });
        Do(watcher, context => context.Watch(a));
        environment.Settle();
        Assert.Same(a, terminated!.Actor);
    }

    [Fact]
    public void Who_unwatches_is_not_told_even_of_what_has_happened()
    {
        var a = Spawn("a");
        var watcher = Spawn("watcher");
        environment.System.Stop(a);
        environment.Settle();

        // Watching the dead puts the notice into the mailbox before the second call.
        Do(watcher, context =>
        {
            context.Watch(a);
            context.Unwatch(a);
        });
        environment.Settle();
        Assert.DoesNotContain(journal, line => line.Contains("Terminated"));
    }

    [Fact]
    public void An_unhandled_death_stops_the_watcher()
    {
        var a = Spawn("a");
        var watcher = environment.System.Spawn("watcher", () => new Scripted("watcher", journal)
        {
            OnMessage = (message, context) => context.Unhandled(message),
        });
        Do(watcher, context => context.Watch(a));
        environment.Settle();
        environment.System.Stop(a);
        environment.Settle();
        Assert.Equal("watcher stops", journal[^1]);
        Assert.Contains(environment.Logged, record => record.Text
            == "Stop: DeathPactException: did not handle that /user/a has stopped");
    }

    [Fact]
    public void A_stashed_death_arrives_after_unstashing()
    {
        var a = Spawn("a");
        var ready = false;
        var watcher = environment.System.Spawn("watcher", () => new Scripted("watcher", journal)
        {
            OnMessage = (message, context) =>
            {
                if (ready)
                {
                    journal.Add(message.GetType().Name);
                }
                else
                {
                    context.Stash();
                }
            },
        });
        Do(watcher, context => context.Watch(a));
        environment.System.Stop(a);
        environment.Settle();
        ready = true;
        Do(watcher, context => context.UnstashAll());
        environment.Settle();
        Assert.Equal("Terminated", journal[^1]);
    }

    [Fact]
    public void A_parent_that_is_told_of_a_death_can_use_the_name_again()
    {
        var parent = environment.System.Spawn("parent", () => new Scripted("parent", journal)
        {
            OnStart = context => context.Watch(
                context.Spawn("child", () => new Scripted("child", journal))),
            OnMessage = (message, context) =>
            {
                Assert.IsType<Terminated>(message);
                context.Spawn("child", () => new Scripted("child", journal));
            },
        });
        environment.Settle();
        environment.System.Stop(environment.System.Resolve("/user/parent/child")!);
        environment.Settle();
        Assert.Equal(
            ["parent starts", "child starts", "child stops", "child starts"], journal);
        Assert.Empty(environment.Logged);
        Assert.NotNull(parent);
    }

    [Fact]
    public void A_proxy_is_watched_through_its_own_interface()
    {
        var proxy = new Proxy();
        var watcher = Spawn("watcher");
        Do(watcher, context => context.Watch(proxy));
        environment.Settle();
        var told = Assert.Single(proxy.Watchers);
        environment.OnActorThread = false;
        told.TellTerminated(new Terminated(proxy, AddressTerminated: true));
        told.TellTerminated(new Terminated(proxy, AddressTerminated: true));
        environment.OnActorThread = true;
        environment.Posted.ForEach(envelope => environment.System.Deliver(envelope));
        environment.Settle();
        Assert.Single(journal, line => line.Contains("AddressTerminated = True"));
    }

    [Fact]
    public void A_proxy_is_let_go_by_whoever_unwatches_or_stops()
    {
        var proxy = new Proxy();
        var first = Spawn("first");
        var second = Spawn("second");
        foreach (var watcher in new[] { first, first, second })
        {
            Do(watcher, context => context.Watch(proxy));
        }
        environment.Settle();
        Assert.Equal([first, second], proxy.Watchers);
        Do(first, context => context.Unwatch(proxy));
        environment.Settle();
        Assert.Equal([second], proxy.Watchers);
        environment.System.Stop(second);
        environment.Settle();
        Assert.Empty(proxy.Watchers);
    }

    [Fact]
    public void An_unhandled_death_of_a_whole_process_stops_the_watcher()
    {
        var proxy = new Proxy();
        var watcher = environment.System.Spawn("watcher", () => new Scripted("watcher", journal)
        {
            OnMessage = (message, context) => context.Unhandled(message),
        });
        Do(watcher, context => context.Watch(proxy));
        environment.Settle();
        Assert.Single(proxy.Watchers).TellTerminated(
            new Terminated(proxy, ExistenceConfirmed: false, AddressTerminated: true));
        environment.Settle();
        Assert.Equal("watcher stops", journal[^1]);
        Assert.Null(environment.System.Resolve("/user/watcher"));
    }

    [Fact]
    public void The_same_seed_gives_the_same_history()
    {
        static List<string> History(ulong seed)
        {
            var random = new Prng(seed);
            var journal = new List<string>();
            var environment = new TestEnvironment(seed, new ActorSystemOptions
            {
                ChooseReady = count => (int)random.NextBelow((ulong)count),
            });
            for (var number = 0; number < 20; number++)
            {
                var name = $"a{number}";
                Do(
                    environment.System.Spawn(name, () => new Scripted(name, journal)),
                    context => context.StartTimer(
                        name, TimeSpan.FromTicks((long)context.Random.NextBelow(100)), name));
            }
            environment.Advance(1);
            return journal;
        }

        Assert.Equal(History(1), History(1));
        Assert.NotEqual(History(1), History(2));
    }

    private IActorRef Spawn(string name) =>
        environment.System.Spawn(name, () => new Scripted(name, journal));

    private static void Do(IActorRef actor, Action<IActorContext> script) => actor.Tell(script);

    private sealed class Proxy : IDeathWatch
    {
        public List<IDeathWatch> Watchers { get; } = [];

        public string Path => "remote:1/user/x";

        public void Tell(object message, IActorRef? sender = null)
        {
        }

        public void AddWatcher(IDeathWatch watcher) => Watchers.Add(watcher);

        public void RemoveWatcher(IDeathWatch watcher) => Watchers.Remove(watcher);

        public void TellTerminated(Terminated terminated)
        {
        }
    }
}
