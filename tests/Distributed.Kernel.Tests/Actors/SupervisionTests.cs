namespace Distributed.Kernel.Tests.Actors;

public sealed class SupervisionTests
{
    private readonly List<string> journal = [];
    private readonly TestEnvironment environment = new();
    private readonly Dictionary<string, IActorRef> spawned = [];

    [Fact]
    public void Resume_drops_the_message_and_keeps_the_state()
    {
        Family(SupervisorStrategy.ForOne(decide: _ => Directive.Resume), "a", "b");
        spawned["a"].Tell(new IOException("x"));
        spawned["a"].Tell("next");
        environment.Settle();
        Assert.Equal(["a: next"], journal);
    }

    [Fact]
    public void Restart_replaces_the_instance_keeps_the_mailbox_and_spares_siblings()
    {
        Family(SupervisorStrategy.Default, "a", "b");
        Do(spawned["a"], context => context.StartTimer("t", TimeSpan.FromSeconds(1), "timer"));
        environment.Settle();
        spawned["a"].Tell(new IOException("x"));
        spawned["a"].Tell("next");
        environment.Advance(2);
        Assert.Equal(["a fails: x", "a stops", "a starts", "a: next"], journal);
        Assert.Contains(environment.Logged, record => record.Source == "/user/top/a"
            && record.Text == "Restart: IOException: x" && record.Level == ActorLogLevel.Error);
    }

    [Fact]
    public void Restarts_are_counted_and_shown_beside_the_mailbox()
    {
        Family(SupervisorStrategy.Default, "a", "b");
        for (int failure = 0; failure < 3; failure++)
        {
            spawned["a"].Tell(new IOException("x"));
            environment.Settle();
        }

        Dictionary<string, ActorInfo> living = environment.System.Describe()
            .ToDictionary(info => info.Path);
        Assert.Equal(3, living["/user/top/a"].Restarts);
        Assert.Equal(0, living["/user/top/b"].Restarts);
        Assert.Equal(
            new ActorSystemOptions().MailboxCapacity, living["/user/top/a"].MailboxCapacity);
    }

    [Fact]
    public void Restart_returns_what_was_stashed()
    {
        Family(SupervisorStrategy.Default, "a");
        Do(spawned["a"], context => context.Stash());
        environment.Settle();
        spawned["a"].Tell(new IOException("x"));
        environment.Settle();

        // The stashed script runs again on the new instance, and stashes itself again.
        Assert.Equal(["a fails: x", "a stops", "a starts"], journal);
        Assert.Equal(0, environment.System.DeadLetterCount(DeadLetterReason.Stopped));
    }

    [Fact]
    public void Restart_of_a_parent_stops_its_children_first()
    {
        Family(SupervisorStrategy.Default, "a");
        Do(spawned["top"], _ => throw new IOException("x"));
        environment.Settle();
        Assert.Equal(
            ["top fails: x", "top stops", "a stops", "top starts", "a starts"], journal);
    }

    [Fact]
    public void Restart_with_children_kept_alive_restarts_them()
    {
        var top = environment.System.Spawn("top", () => new Scripted("top", journal)
        {
            KeepsChildren = true,
        });
        Do(top, context => spawned["a"] = context.Spawn("a", () => new Scripted("a", journal)));
        environment.Settle();
        journal.Clear();
        top.Tell(new IOException("x"));
        spawned["a"].Tell("after");
        environment.Settle();
        Assert.Equal(
            ["top fails: x", "top starts", "a fails: x", "a stops", "a starts", "a: after"],
            journal);
    }

    /// <summary>
    /// Goal: every pair of strategy and directive. Method: one of two children fails with a message
    /// waiting for each; what started and stopped, and who handled its message, now and after the
    /// back-off, is written down.
    /// </summary>
    [Theory]
    [InlineData(false, Directive.Resume, 0, "", "ab", "ab")]
    [InlineData(true, Directive.Resume, 0, "", "ab", "ab")]
    [InlineData(false, Directive.Restart, 0, "a", "ab", "ab")]
    [InlineData(true, Directive.Restart, 0, "ab", "ab", "ab")]
    [InlineData(false, Directive.Restart, 1, "a", "b", "ab")]
    [InlineData(true, Directive.Restart, 1, "ab", "", "ab")]
    [InlineData(false, Directive.Stop, 0, "", "b", "b")]
    [InlineData(true, Directive.Stop, 0, "", "", "")]
    [InlineData(false, Directive.Escalate, 0, "ab", "", "")]
    [InlineData(true, Directive.Escalate, 0, "ab", "", "")]
    public void A_directive_treats_the_children_as_its_strategy_says(
        bool allForOne, Directive directive, int backOffSeconds, string restarted,
        string handledNow, string handledLater)
    {
        var wait = TimeSpan.FromSeconds(backOffSeconds);
        var backOff = backOffSeconds == 0 ? null : new RestartBackOff(wait, wait, RandomFactor: 0);
        Family(
            allForOne
                ? SupervisorStrategy.ForAll(backOff: backOff, decide: _ => directive)
                : SupervisorStrategy.ForOne(backOff: backOff, decide: _ => directive),
            "a", "b");
        var (a, b) = (spawned["a"], spawned["b"]);
        a.Tell(new IOException("x"));
        a.Tell("next");
        environment.Settle();
        b.Tell("next");
        environment.Settle();
        Assert.Equal(handledNow, Handled());
        environment.Advance(2);
        Assert.Equal(handledLater, Handled());
        Assert.Equal(restarted, Names(" starts"));
        Assert.Equal(directive == Directive.Escalate, journal.Contains("top fails: x"));

        // Whoever handled nothing has left its message to the dead letters.
        Assert.Equal(
            2 - handledLater.Length,
            environment.System.DeadLetterCount(DeadLetterReason.Stopped));

        string Handled() => Names(": next");
        string Names(string ending) => string.Concat(journal
            .Where(line => line.Length == 1 + ending.Length
                && line.EndsWith(ending, StringComparison.Ordinal))
            .Select(line => line[0]).Order());
    }

    [Fact]
    public void All_for_one_restarts_every_child_once()
    {
        Family(SupervisorStrategy.ForAll(), "a", "b", "c");
        spawned["b"].Tell(new IOException("x"));
        spawned["a"].Tell(new IOException("y"));
        spawned["c"].Tell("after");
        environment.Settle();
        Assert.Equal(
            ["a", "b", "c"],
            journal.Where(line => line.EndsWith(" starts", StringComparison.Ordinal))
                .Select(line => line[..1]).Order());
        Assert.Contains("c: after", journal);
        spawned["a"].Tell("alive");
        spawned["b"].Tell("alive");
        environment.Settle();
        Assert.Contains("a: alive", journal);
        Assert.Contains("b: alive", journal);
    }

    [Fact]
    public void All_for_one_stops_every_child()
    {
        Family(SupervisorStrategy.ForAll(decide: _ => Directive.Stop), "a", "b");
        spawned["a"].Tell(new IOException("x"));
        environment.Settle();
        Assert.Equal(["a stops", "b stops"], journal.Order());
    }

    [Fact]
    public void Too_many_restarts_in_the_window_stop_the_child()
    {
        Family(SupervisorStrategy.ForOne(restartsMax: 2, TimeSpan.FromSeconds(10)), "a");
        for (var failure = 0; failure < 2; failure++)
        {
            spawned["a"].Tell(new IOException("x"));
        }
        environment.Advance(11);
        Assert.Equal(2, journal.Count(line => line == "a starts"));
        for (var failure = 0; failure < 3; failure++)
        {
            spawned["a"].Tell(new IOException("x"));
        }
        environment.Settle();
        Assert.Equal(4, journal.Count(line => line == "a starts"));
        Assert.Equal("a stops", journal[^1]);
        Assert.Null(environment.System.Resolve("/user/top/a"));
        Assert.Contains(environment.Logged, record =>
            record.Text == "stopped: restart number 3 within 00:00:10 is one too many");
    }

    [Fact]
    public void Back_off_doubles_up_to_its_maximum_and_the_child_waits_meanwhile()
    {
        var backOff = new RestartBackOff(
            TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3), RandomFactor: 0);
        Family(SupervisorStrategy.ForOne(100, backOff: backOff), "a");
        foreach (var seconds in new[] { 1.0, 2.0, 3.0, 3.0 })
        {
            journal.Clear();
            spawned["a"].Tell(new IOException("x"));
            spawned["a"].Tell("waits");
            environment.Advance(seconds - 0.001);
            Assert.Empty(journal);
            environment.Advance(0.001);
            Assert.Equal(["a fails: x", "a stops", "a starts", "a: waits"], journal);
        }
    }

    [Fact]
    public void A_child_that_is_stopped_during_back_off_stays_stopped()
    {
        var backOff = new RestartBackOff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        Family(SupervisorStrategy.ForOne(backOff: backOff), "a");
        spawned["a"].Tell(new IOException("x"));
        environment.Settle();
        environment.System.Stop(spawned["a"]);
        environment.Advance(5);
        Assert.Equal(["a stops"], journal);
    }

    [Fact]
    public void Escalate_lets_the_supervisor_fail()
    {
        Family(SupervisorStrategy.ForOne(decide: _ => Directive.Escalate), "a", "b");
        spawned["a"].Tell(new IOException("x"));
        environment.Settle();
        Assert.Equal("top fails: x", journal[0]);
        Assert.Equal("b starts", journal[^1]);
    }

    [Fact]
    public void Escalate_and_resume_wakes_the_whole_tree()
    {
        // The failed grandchild, its sibling and the supervisor itself are all suspended once.
        var grand = environment.System.Spawn("grand", () => new Scripted("grand", journal)
        {
            Strategy = SupervisorStrategy.ForOne(decide: _ => Directive.Resume),
            OnStart = context => Spawn(context, "top", new Scripted("top", journal)
            {
                Strategy = SupervisorStrategy.ForOne(decide: _ => Directive.Escalate),
                OnStart = inner =>
                {
                    Spawn(inner, "a", new Scripted("a", journal));
                    Spawn(inner, "b", new Scripted("b", journal));
                },
            }),
        });
        environment.Settle();
        journal.Clear();
        spawned["a"].Tell(new IOException("x"));
        environment.Settle();
        foreach (var actor in new[] { grand, spawned["top"], spawned["a"], spawned["b"] })
        {
            actor.Tell("alive");
        }
        environment.Settle();
        Assert.Equal(["grand: alive", "top: alive", "a: alive", "b: alive"], journal);
    }

    [Fact]
    public void Escalation_to_the_top_stops_the_system()
    {
        var other = new TestEnvironment(options: new ActorSystemOptions
        {
            GuardianStrategy = SupervisorStrategy.ForOne(decide: _ => Directive.Escalate),
        });
        var ended = false;
        other.System.WhenTerminated(() => ended = true);
        var reason = new IOException("x");
        other.System.Spawn("a", () => new Scripted("a", journal)).Tell(reason);
        other.System.Spawn("b", () => new Scripted("b", journal));
        other.Settle();
        Assert.True(ended);
        Assert.Same(reason, other.System.Failure);
        Assert.Equal(["a starts", "a stops", "b starts", "b stops"], journal.Order());
    }

    [Fact]
    public void What_does_not_start_is_stopped()
    {
        environment.System.Spawn("a", () => throw new IOException("no"));
        environment.System.Spawn(
            "b", () => new Scripted("b", journal) { OnStart = _ => throw new IOException("no") });
        environment.Settle();
        Assert.Null(environment.System.Resolve("/user/a"));
        Assert.Null(environment.System.Resolve("/user/b"));
        Assert.Contains(environment.Logged, record => record.Text
            == "Stop: ActorInitializationException: /user/a did not start: no");
    }

    [Fact]
    public void What_does_not_start_can_be_restarted_until_it_does()
    {
        var attempts = 0;
        var backOff = new RestartBackOff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        environment.System.Spawn("top", () => new Scripted("top", [])
        {
            Strategy = SupervisorStrategy.ForOne(
                backOff: backOff, decide: _ => Directive.Restart),
            OnStart = context => spawned["a"] = context.Spawn("a", () => ++attempts < 3
                ? throw new IOException("no")
                : new Scripted("a", journal)),
        });
        environment.Settle();
        spawned["a"].Tell("waits");
        environment.Advance(10);
        Assert.Equal(3, attempts);
        Assert.Equal(["a starts", "a: waits"], journal);
    }

    [Fact]
    public void A_broken_invariant_comes_out_of_the_system()
    {
        Family(SupervisorStrategy.ForOne(decide: _ => Directive.Resume), "a");
        spawned["a"].Tell(new InvariantException("two and two are five"));
        var broken = Assert.Throws<InvariantException>(environment.Settle);
        Assert.Equal("two and two are five", broken.Message);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Random_failures_leave_no_actor_hung(int seed)
    {
        // Every directive at every level, at random, with kernel and user messages interleaved
        // one by one in random order: whoever still lives must answer in the end.
        var random = new Prng((ulong)seed);
        for (var round = 0; round < 150; round++)
        {
            var options = new ActorSystemOptions
            {
                ChooseReady = count => (int)random.NextBelow((ulong)count),
                DeadLettersLogged = 0,
                LogLevel = ActorLogLevel.Error + 1,
            };
            var history = new TestEnvironment((ulong)round, options);
            history.System.Spawn("root", () => new RandomParent(3, random));
            history.Settle();
            for (var step = 0; step < 40; step++)
            {
                var living = history.System.Describe();
                var target = living[(int)random.NextBelow((ulong)living.Count)].Path;
                history.System.Resolve(target)!.Tell(
                    random.NextChance(1, 2) ? new IOException("x") : "work");
                history.System.Run((int)random.NextBelow(5));
            }
            history.Advance(100);
            foreach (var info in history.System.Describe())
            {
                history.System.Resolve(info.Path)!.Tell("last");
            }
            history.Settle();
            Assert.All(history.System.Describe(), info => Assert.Equal(0, info.MessagesWaiting));
            history.System.Stop();
            history.Advance(100);
            Assert.True(history.System.IsTerminated);
            Assert.Null(history.System.NextDueNs);
        }
    }

    private void Family(SupervisorStrategy strategy, params string[] names)
    {
        spawned["top"] = environment.System.Spawn("top", () => new Scripted("top", journal)
        {
            Strategy = strategy,
            OnStart = context =>
            {
                foreach (var name in names)
                {
                    spawned[name] = context.Spawn(name, () => new Scripted(name, journal));
                }
            },
        });
        environment.Settle();
        journal.Clear();
    }

    private void Spawn(IActorContext context, string name, Scripted actor) =>
        spawned[name] = context.Spawn(name, () => actor);

    private static void Do(IActorRef actor, Action<IActorContext> script) => actor.Tell(script);

    private sealed class RandomParent(int depth, Prng random) : Actor
    {
        private readonly SupervisorStrategy strategy = Draw(random);

        protected internal override SupervisorStrategy SupervisorStrategy => strategy;

        protected internal override void PreStart(IActorContext context)
        {
            for (var child = 0; child < 2 && depth > 0; child++)
            {
                if (context.Children.Count < 2)
                {
                    context.Spawn(
                        $"c{child}{random.NextUInt64():x}",
                        () => new RandomParent(depth - 1, random));
                }
            }
        }

        protected internal override void PreRestart(
            Exception reason, object? message, IActorContext context)
        {
            if (random.NextChance(1, 2))
            {
                base.PreRestart(reason, message, context);
            }
        }

        protected internal override void Receive(object message, IActorContext context)
        {
            if (message is Exception failure)
            {
                throw failure;
            }
        }

        private static SupervisorStrategy Draw(Prng random)
        {
            var backOff = random.NextChance(1, 2)
                ? new RestartBackOff(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(5))
                : null;
            Directive Decide(Exception failure) => (Directive)random.NextBelow(4);
            return random.NextChance(1, 2)
                ? SupervisorStrategy.ForAll(5, backOff: backOff, decide: Decide)
                : SupervisorStrategy.ForOne(5, backOff: backOff, decide: Decide);
        }
    }
}
