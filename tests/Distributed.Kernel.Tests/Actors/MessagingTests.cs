namespace Distributed.Kernel.Tests.Actors;

public sealed class MessagingTests
{
    private readonly List<string> journal = [];
    private readonly TestEnvironment environment = new();

    [Fact]
    public void Messages_of_one_sender_arrive_in_order()
    {
        var actor = Spawn("a");
        for (var number = 0; number < 100; number++)
        {
            actor.Tell(number);
        }
        environment.Settle();
        Assert.Equal(
            ["a starts", .. Enumerable.Range(0, 100).Select(number => $"a: {number}")], journal);
    }

    [Fact]
    public void A_system_that_has_work_asks_once_to_be_run()
    {
        var actor = Spawn("a");
        actor.Tell("x");
        actor.Tell("y");
        Assert.Equal(1, environment.Wakes);
        environment.Settle();
        actor.Tell("z");
        Assert.Equal(2, environment.Wakes);
    }

    [Fact]
    public void Run_handles_no_more_than_it_is_asked_to()
    {
        var actor = Spawn("a");
        actor.Tell("x");
        actor.Tell("y");
        Assert.True(environment.System.Run(1));
        Assert.Equal(["a starts"], journal);
        Assert.True(environment.System.Run(1));
        Assert.Equal(["a starts", "a: x"], journal);
        Assert.False(environment.System.Run(1));
        Assert.Equal(3, environment.System.MessagesHandled);
    }

    [Fact]
    public void Reply_goes_to_the_sender()
    {
        var echo = Spawn("echo", (message, context) => context.Reply($"re {message}"));
        var asker = Spawn("asker");
        Do(asker, context => echo.Tell("hello", context.Self));
        environment.Settle();
        Assert.Contains("asker: re hello", journal);
        echo.Tell("nobody");
        environment.Settle();
        Assert.Equal(1, environment.System.DeadLetterCount(DeadLetterReason.NoRecipient));
    }

    [Fact]
    public void A_full_mailbox_makes_dead_letters_but_takes_what_was_asked_for()
    {
        var dead = new List<DeadLetter>();
        var watcher = Spawn("watcher", (message, _) => dead.Add((DeadLetter)message));
        Do(watcher, context => context.Subscribe(typeof(DeadLetter)));
        environment.Settle();
        var echo = Spawn("echo", (message, context) => context.Reply(message));
        var small = environment.System.Spawn(
            "small", () => new Scripted("small", journal), mailboxCapacity: 3);
        Do(small, context =>
        {
            context.StartTimer("t", TimeSpan.Zero, "timer");
            context.Ask(echo, "answer", TimeSpan.FromSeconds(1), "late");
            context.Self.Tell(1);
            context.Self.Tell(2);
            context.Self.Tell(3);
            context.Self.Tell(4);
        });
        environment.Settle();
        Assert.Equal(
            ["small: 1", "small: 2", "small: 3", "small: answer", "small: timer"],
            journal.Where(line => line.StartsWith("small: ", StringComparison.Ordinal)).Order());
        Assert.Equal(1, environment.System.DeadLetterCount(DeadLetterReason.MailboxFull));
        var letter = Assert.Single(dead);
        Assert.Equal(4, letter.Message);
        Assert.Equal(DeadLetterReason.MailboxFull, letter.Reason);
        Assert.Same(small, letter.Recipient);
        Assert.Contains(environment.Logged, record => record.Source == "/user/small"
            && record.Text == "Int32 from nobody was not delivered: MailboxFull");
    }

    [Fact]
    public void Dead_letters_of_dead_letters_are_only_counted()
    {
        var deaf = Spawn("deaf");
        environment.System.Events.Subscribe(deaf, typeof(DeadLetter));
        environment.System.Stop(deaf);
        environment.Settle();
        environment.System.Events.Subscribe(deaf, typeof(DeadLetter));
        environment.System.DeadLetters.Tell("lost");
        Assert.Equal(1, environment.System.DeadLetterCount(DeadLetterReason.NoRecipient));
        Assert.Equal(1, environment.System.DeadLetterCount(DeadLetterReason.Stopped));
    }

    [Fact]
    public void Unhandled_messages_are_dead_letters()
    {
        Spawn("a", (message, context) => context.Unhandled(message)).Tell("x");
        environment.Settle();
        Assert.Equal(1, environment.System.DeadLetterCount(DeadLetterReason.Unhandled));
    }

    [Fact]
    public void Stashed_messages_come_back_first_and_in_order()
    {
        var open = false;
        var actor = Spawn("a", (message, context) =>
        {
            if (message is "open")
            {
                open = true;
                context.UnstashAll();
            }
            else if (!open)
            {
                context.Stash();
            }
            else
            {
                journal.Add($"{message}");
            }
        });
        foreach (var message in new[] { "1", "2", "open", "3" })
        {
            actor.Tell(message);
        }
        environment.Settle();
        Assert.Equal(["a starts", "1", "2", "3"], journal);
    }

    [Fact]
    public void A_full_stash_makes_dead_letters()
    {
        var actor = environment.System.Spawn(
            "a", () => new Scripted("a", journal) { OnMessage = (_, context) => context.Stash() },
            mailboxCapacity: 2);
        for (var number = 0; number < 3; number++)
        {
            actor.Tell(number);
            environment.Settle();
        }
        Assert.Equal(1, environment.System.DeadLetterCount(DeadLetterReason.StashFull));
    }

    [Fact]
    public void A_message_is_stashed_once()
    {
        var actor = Spawn("a");
        Do(actor, context =>
        {
            context.Stash();
            context.Stash();
        });
        var broken = Assert.Throws<InvariantException>(environment.Settle);
        Assert.Equal("/user/a stashes one Action`1 twice", broken.Message);
    }

    [Fact]
    public void The_same_object_sent_twice_is_two_messages_to_stash()
    {
        var isOpen = false;
        var actor = Spawn("a", (message, context) =>
        {
            if (isOpen)
            {
                journal.Add($"{message}");
            }
            else
            {
                context.Stash();
            }
        });
        actor.Tell("m");
        actor.Tell("m");
        environment.Settle();
        isOpen = true;
        Do(actor, context => context.UnstashAll());
        environment.Settle();
        Assert.Equal(["a starts", "m", "m"], journal);
    }

    [Fact]
    public void Events_reach_subscribers_of_the_type_and_of_its_bases_once()
    {
        var actor = Spawn("a");
        Do(actor, context =>
        {
            context.Subscribe(typeof(ArgumentException));
            context.Subscribe(typeof(IFormattable));
            context.Subscribe(typeof(object));
            context.Publish(42);
            context.Unsubscribe(typeof(object));
            context.Publish("not seen");
        });
        environment.Settle();
        Assert.Equal(["a starts", "a: 42"], journal);
    }

    [Fact]
    public void What_is_told_from_another_thread_goes_through_the_environment()
    {
        var actor = Spawn("a");
        environment.Settle();
        environment.OnActorThread = false;
        actor.Tell("from outside");
        Assert.Throws<InvariantException>(() => environment.System.Run(1));
        environment.OnActorThread = true;
        environment.Settle();
        Assert.Equal(["a starts"], journal);
        environment.System.Deliver(Assert.Single(environment.Posted));
        environment.Settle();
        Assert.Equal(["a starts", "a: from outside"], journal);
    }

    [Fact]
    public void The_seed_and_the_path_make_the_random_stream()
    {
        ulong Draw(ulong seed, string name)
        {
            var drawn = 0ul;
            var other = new TestEnvironment(seed);
            var actor = other.System.Spawn(name, () => new Scripted(name, []));
            Do(actor, context => drawn = context.Random.NextUInt64());
            other.Settle();
            return drawn;
        }

        Assert.Equal(Draw(1, "a"), Draw(1, "a"));
        Assert.NotEqual(Draw(1, "a"), Draw(2, "a"));
        Assert.NotEqual(Draw(1, "a"), Draw(1, "b"));
    }

    [Fact]
    public void A_chooser_decides_who_goes_next()
    {
        var last = new TestEnvironment(
            options: new ActorSystemOptions { ChooseReady = count => count - 1, Throughput = 1 });
        last.System.Spawn("a", () => new Scripted("a", journal));
        last.System.Spawn("b", () => new Scripted("b", journal));
        last.System.Spawn("c", () => new Scripted("c", journal));
        last.Settle();
        Assert.Equal("c starts", journal[0]);
        Assert.Equal(["a starts", "b starts", "c starts"], journal.Order());
    }

    [Fact]
    public void A_tell_between_actors_allocates_nothing()
    {
        const int rounds = 10_000;
        var left = 0;
        IActorRef? second = null;
        var message = new object();
        var first = environment.System.Spawn(
            "first", () => new Relay(() => second!, () => left-- > 0));
        second = environment.System.Spawn("second", () => new Relay(() => first, () => true));
        environment.Settle();
        long Measure()
        {
            left = rounds;
            var before = GC.GetAllocatedBytesForCurrentThread();
            first.Tell(message);
            environment.Settle();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Measure();
        Assert.Equal(0, Measure());
    }

    private IActorRef Spawn(string name, Action<object, IActorContext>? onMessage = null) =>
        environment.System.Spawn(
            name, () => new Scripted(name, journal) { OnMessage = onMessage });

    private static void Do(IActorRef actor, Action<IActorContext> script) => actor.Tell(script);

    private sealed class Relay(Func<IActorRef> to, Func<bool> more) : Actor
    {
        protected internal override void Receive(object message, IActorContext context)
        {
            if (more())
            {
                to().Tell(message, context.Self);
            }
        }
    }
}
