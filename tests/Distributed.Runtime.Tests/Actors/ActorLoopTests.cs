using System.Collections.Concurrent;
using System.Diagnostics;
using Distributed.Kernel;
using Distributed.Runtime.Actors;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.Actors;

/// <summary>The kernel has its own tests; these are about threads and clocks.</summary>
public sealed class ActorLoopTests(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly ConcurrentQueue<ActorLogRecord> log = new();
    private readonly List<ActorLoop> loops = [];

    public void Dispose() => loops.ForEach(loop => loop.Dispose());

    [Fact]
    public async Task Messages_of_many_threads_all_arrive_in_each_threads_order()
    {
        const int threads = 4;
        const int messages = 50_000;
        var loop = StartLoop(new ActorSystemOptions { MailboxCapacity = threads * messages });
        var last = new int[threads];
        var misordered = 0;
        var handled = 0;
        var actor = loop.Spawn("a", () => new Handler((message, context) =>
        {
            if (message is (int sender, int number))
            {
                misordered += number == last[sender] + 1 ? 0 : 1;
                last[sender] = number;
                handled++;
            }
            else
            {
                context.Reply(handled);
            }
        }));
        var senders = Enumerable.Range(0, threads).Select(sender => Task.Factory.StartNew(
            () =>
            {
                for (var number = 1; number <= messages; number++)
                {
                    actor.Tell((sender, number));
                }
            },
            TaskCreationOptions.LongRunning));
        await Task.WhenAll(senders).WaitAsync(Patience);
        Assert.Equal(threads * messages, await loop.Ask<int>(actor, "count", Patience));
        Assert.Equal(0, misordered);
    }

    [Fact]
    public async Task A_full_inbox_makes_senders_wait_and_loses_nothing()
    {
        const int messages = ActorLoop.InboxCapacity * 2;
        var loop = StartLoop(new ActorSystemOptions { MailboxCapacity = messages });
        using var blocked = new ManualResetEventSlim();
        var handled = 0;
        var actor = loop.Spawn("a", () => new Handler((message, context) =>
        {
            if (message is "block")
            {
                blocked.Wait(Patience);
            }
            else if (message is "count")
            {
                context.Reply(handled);
            }
            else
            {
                handled++;
            }
        }));
        actor.Tell("block");
        var sender = Task.Factory.StartNew(
            () =>
            {
                for (var number = 0; number < messages; number++)
                {
                    actor.Tell(number);
                }
            },
            TaskCreationOptions.LongRunning);
        Assert.NotSame(sender, await Task.WhenAny(sender, Task.Delay(200)));
        blocked.Set();
        await sender.WaitAsync(Patience);
        Assert.Equal(messages, await loop.Ask<int>(actor, "count", Patience));
    }

    [Fact]
    public async Task Timers_fire_when_their_time_has_come()
    {
        var loop = StartLoop();
        var actor = loop.Spawn("a", () => new Handler((message, context) =>
        {
            if (message is TimeSpan delay)
            {
                context.StartTimer("t", delay, (context.Sender!, context.NowNs));
            }
            else if (message is (IActorRef asker, long sinceNs))
            {
                asker.Tell(context.NowNs - sinceNs);
            }
        }));
        var waitedNs = await loop.Ask<long>(actor, TimeSpan.FromMilliseconds(50), Patience);
        Assert.InRange(waitedNs, 50_000_000, 5_000_000_000);
    }

    [Fact]
    public async Task Ask_fails_in_one_line_when_no_answer_comes()
    {
        var loop = StartLoop();
        IActorRef? asker = null;
        var actor = loop.Spawn("a", () => new Handler((_, context) => asker = context.Sender));
        var late = await Assert.ThrowsAsync<OperatingException>(
            () => loop.Ask<int>(actor, "?", TimeSpan.FromMilliseconds(50)));
        Assert.Equal("/user/a did not answer String within 0.05 s; see its log", late.Message);
        asker!.Tell(1);
        Assert.Equal(1, loop.Call(s => s.DeadLetterCount(DeadLetterReason.NoRecipient)));
    }

    [Fact]
    public async Task Ask_throws_what_the_actor_answers_with()
    {
        var loop = StartLoop();
        var actor = loop.Spawn("a", () => new Handler(
            (message, context) => context.Reply(new IOException($"no {message}"))));
        var failure = await Assert.ThrowsAsync<OperatingException>(
            () => loop.Ask<int>(actor, "disk", Patience));
        Assert.Equal("no disk", failure.Message);
        await Assert.ThrowsAsync<InvariantException>(() => loop.Ask<int>(
            loop.Spawn("b", () => new Handler((_, c) => c.Reply("text"))), "?", Patience));
    }

    [Fact]
    public async Task Failures_go_to_the_supervisor_and_into_the_log()
    {
        var loop = StartLoop();
        var actor = loop.Spawn("a", () => new Handler((message, context) =>
        {
            if (message is IOException failure)
            {
                throw failure;
            }
            context.Reply("alive");
        }));
        actor.Tell(new IOException("x"));
        Assert.Equal("alive", await loop.Ask<string>(actor, "?", Patience));
        var record = Assert.Single(log);
        Assert.Equal("/user/a", record.Source);
        Assert.Equal("Restart: IOException: x", record.Text);
        Assert.Equal(TimeSpan.Zero, record.Utc.Offset);
    }

    [Fact]
    public async Task A_broken_invariant_is_reported_and_ends_the_loop()
    {
        var reported = new TaskCompletionSource<InvariantException>();
        using var loop = new ActorLoop("test", 1, log.Enqueue, null, reported.SetResult);
        loop.Start();
        var actor = loop.Spawn(
            "a", () => new Handler((_, _) => Invariant.Check(false, "up is down")));
        actor.Tell("x");
        Assert.Equal("up is down", (await reported.Task.WaitAsync(Patience)).Message);
        await Assert.ThrowsAsync<InvariantException>(() => loop.Ended);
        Assert.Throws<OperatingException>(() => loop.Spawn("b", () => new Handler((_, _) => { })));
    }

    [Fact]
    public async Task Stop_ends_the_loop_after_all_actors()
    {
        var loop = StartLoop();
        var actor = loop.Spawn("a", () => new Handler((_, _) => { }));
        loop.Stop();
        await loop.Ended.WaitAsync(Patience);
        actor.Tell("nobody is there");
    }

    [Fact]
    public void Actors_spawned_before_the_start_run_after_it()
    {
        using var started = new ManualResetEventSlim();
        using var loop = new ActorLoop("test", 1, log.Enqueue);
        var actor = loop.Spawn("a", () => new Handler((_, _) => started.Set()));
        actor.Tell("x");
        Assert.False(started.IsSet);
        loop.Start();
        Assert.True(started.Wait(Patience));
    }

    [Fact]
    public async Task An_idle_loop_uses_no_processor_time()
    {
        var loop = StartLoop();
        loop.Spawn("a", () => new Handler((_, _) => { })).Tell("x");
        await Task.Delay(50);
        var handledBefore = loop.Call(system => system.MessagesHandled);
        await Task.Delay(100);
        Assert.Equal(handledBefore, loop.Call(system => system.MessagesHandled));
    }

    /// <summary>
    /// Prints messages per second; fails only below a hundredth of what one core does. The
    /// two senders of a ping-pong share the loop's thread; the tells come from outside.
    /// </summary>
    [Fact]
    public async Task Throughput_is_not_absurd()
    {
        const int rounds = 200_000;
        var loop = StartLoop(new ActorSystemOptions { MailboxCapacity = rounds });
        var message = new object();
        var left = rounds;
        IActorRef asker = loop.System.DeadLetters;
        void Bounce(object received, IActorContext context)
        {
            if (received is IActorRef other)
            {
                asker = context.Sender!;
                other.Tell(message, context.Self);
            }
            else if (left-- > 0)
            {
                context.Reply(message);
            }
            else
            {
                asker.Tell(rounds);
            }
        }

        var first = loop.Spawn("first", () => new Handler(Bounce));
        var second = loop.Spawn("second", () => new Handler(Bounce));
        for (var repeat = 0; repeat < 2; repeat++)
        {
            left = rounds;
            var pingPong = Stopwatch.StartNew();
            await loop.Ask<int>(first, second, Patience);
            output.WriteLine($"ping-pong: {rounds / pingPong.Elapsed.TotalSeconds:N0} messages/s");
            Assert.True(pingPong.Elapsed < Patience);
        }

        var sink = loop.Spawn("sink", () => new Handler((received, context) =>
        {
            if (received is "done")
            {
                context.Reply(0);
            }
        }));
        for (var repeat = 0; repeat < 2; repeat++)
        {
            var tell = Stopwatch.StartNew();
            for (var number = 0; number < rounds; number++)
            {
                sink.Tell(message);
            }
            await loop.Ask<int>(sink, "done", Patience);
            output.WriteLine($"tell from outside: {rounds / tell.Elapsed.TotalSeconds:N0}/s");
        }
    }

    private ActorLoop StartLoop(ActorSystemOptions? options = null)
    {
        var loop = new ActorLoop(
            "test", 1, log.Enqueue, options,
            broken => output.WriteLine($"broken invariant: {broken}"));
        loops.Add(loop);
        loop.Start();
        return loop;
    }

    private sealed class Handler(Action<object, IActorContext> receive) : Actor
    {
        protected override void Receive(object message, IActorContext context) =>
            receive(message, context);
    }
}
