using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Distributed.Kernel;

namespace Distributed.Runtime.Actors;

/// <summary>
/// Runs one actor system on a thread of its own, with the machine's clocks. Any thread may tell its
/// actors; the other members are for composition roots and may wait for the loop, so an actor must
/// not call them. Nothing runs before <see cref="Start"/>.
/// </summary>
public sealed class ActorLoop : IActorEnvironment, IDisposable
{
    /// <summary>
    /// How many messages from other threads may wait for the loop; a sender then waits too. The
    /// loop itself never waits for anybody, so it always gets there.
    /// </summary>
    public const int InboxCapacity = 65_536;

    private const int MessagesPerRound = 256;
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);
    private static readonly double NsPerTick = 1e9 / Stopwatch.Frequency;

    private readonly Lock gate = new();
    private readonly SemaphoreSlim inboxRoom = new(0);
    private readonly AutoResetEvent wakeUp = new(false);
    private readonly Thread thread;
    private readonly Action<ActorLogRecord> logSink;
    private readonly Action<InvariantException> onBrokenInvariant;
    private readonly TaskCompletionSource ended =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long originTicks = Stopwatch.GetTimestamp();
    private List<InboxItem> inbox = [];
    private List<InboxItem> inHand = [];
    private int sendersWaiting;
    private bool asleep;
    private bool closed;
    private volatile bool started;

    public ActorLoop(
        string name, ulong seed, Action<ActorLogRecord> logSink,
        ActorSystemOptions? options = null,
        Action<InvariantException>? onBrokenInvariant = null)
    {
        this.logSink = logSink;
        this.onBrokenInvariant = onBrokenInvariant ?? EndProcess;
        thread = new Thread(RunLoop) { Name = $"actors of {name}", IsBackground = true };
        System = new ActorSystem(name, this, seed, options);
    }

    /// <summary>To be used on the loop's thread, or before the loop is started.</summary>
    public ActorSystem System { get; }

    /// <summary>Completes when all actors have stopped and the loop has ended.</summary>
    public Task Ended => ended.Task;

    public long NowNs => (long)((Stopwatch.GetTimestamp() - originTicks) * NsPerTick);

    /// <summary>Messages from other threads that the loop has not taken yet.</summary>
    public int Waiting
    {
        get
        {
            lock (gate)
            {
                return inbox.Count;
            }
        }
    }

    public DateTimeOffset UtcNow => DateTimeOffset.UtcNow;

    public bool OnActorThread => !started || Thread.CurrentThread == thread;

    public void Start()
    {
        Invariant.Check(!started, "an actor loop is started twice");
        started = true;
        thread.Start();
    }

    /// <summary>Starts a top-level actor; it can be told as soon as this returns.</summary>
    public IActorRef Spawn(string name, Func<Actor> factory, int mailboxCapacity = 0) =>
        Call(system => system.Spawn(name, factory, mailboxCapacity));

    /// <summary>
    /// The actor's answer. An answer that is an exception is thrown; none within the time-out is an
    /// <see cref="OperatingException"/>.
    /// </summary>
    public async Task<T> Ask<T>(IActorRef target, object message, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(target);
        var answer = new AnswerRef(System.DeadLetters);
        target.Tell(message, answer);
        object reply;
        try
        {
            reply = await answer.Task.WaitAsync(timeout).ConfigureAwait(false);
        }
        catch (TimeoutException late)
        {
            answer.Close();
            throw new OperatingException(
                $"{target.Path} did not answer {message.GetType().Name} within "
                + $"{timeout.TotalSeconds:0.###} s; see its log", inner: late);
        }
        return reply switch
        {
            T expected => expected,
            Exception failure => throw new OperatingException(failure.Message, inner: failure),
            _ => throw new InvariantException(
                $"{target.Path} answered {message.GetType().Name} with "
                + $"{reply.GetType().Name}, expected {typeof(T).Name}"),
        };
    }

    /// <summary>Runs something on the loop's thread between two messages, and waits.</summary>
    /// <exception cref="OperatingException">The actors have stopped.</exception>
    public T Call<T>(Func<ActorSystem, T> function) =>
        TryCall(function, Timeout.InfiniteTimeSpan, out var answer)
            ? answer
            : throw new InvariantException("an infinite time has passed");

    /// <summary>The same, but false where the loop does not get to it in time.</summary>
    /// <exception cref="OperatingException">The actors have stopped.</exception>
    public bool TryCall<T>(
        Func<ActorSystem, T> function, TimeSpan patience, [MaybeNullWhen(false)] out T answer)
    {
        ArgumentNullException.ThrowIfNull(function);
        if (OnActorThread)
        {
            answer = function(System);
            return true;
        }
        // Nothing but this wait goes on from it, so that it needs no thread of the pool to end.
        var result = new TaskCompletionSource<T>();
        Add(new InboxItem(() =>
        {
            try
            {
                result.SetResult(function(System));
            }
            catch (Exception mistake) when (mistake is not InvariantException)
            {
                result.SetException(mistake);
            }
        }));
        var isInTime = Task.WaitAny([result.Task, ended.Task], patience) >= 0;
        if (isInTime && !result.Task.IsCompleted)
        {
            throw new OperatingException(
                $"the actors of {System.Name} have stopped; start them again");
        }
        answer = isInTime ? result.Task.GetAwaiter().GetResult() : default;
        return isInTime;
    }

    /// <summary>Stops all actors, children first. Does not wait.</summary>
    public void Stop() => Add(new InboxItem(() => System.Stop()));

    /// <summary>Stops all actors and waits a few seconds for the loop to end.</summary>
    public void Dispose()
    {
        if (started)
        {
            Stop();
            if (thread != Thread.CurrentThread)
            {
                thread.Join(StopTimeout);
            }
        }
    }

    void IActorEnvironment.Post(in Envelope envelope) => Add(new InboxItem(envelope));

    void IActorEnvironment.Wake()
    {
        // Work that appears on the loop's own thread is seen before it sleeps.
    }

    void IActorEnvironment.Log(ActorLogRecord record) => logSink(record);

    /// <summary>Waits while the inbox is full. What comes after the end is let go of.</summary>
    private void Add(in InboxItem item)
    {
        while (!TryAdd(item))
        {
            inboxRoom.Wait();
        }
    }

    private bool TryAdd(in InboxItem item)
    {
        lock (gate)
        {
            if (closed)
            {
                return true;
            }
            if (inbox.Count >= InboxCapacity && !OnActorThread)
            {
                sendersWaiting++;
                return false;
            }
            inbox.Add(item);
            if (!asleep)
            {
                return true;
            }
            asleep = false;
        }
        wakeUp.Set();
        return true;
    }

    private void RunLoop()
    {
        try
        {
            while (!System.IsTerminated)
            {
                DeliverInbox();
                if (!System.Run(MessagesPerRound))
                {
                    SleepUntilNeeded();
                }
            }
            Close();
            ended.SetResult();
        }
        catch (Exception mistake)
        {
            // The edge of the thread: actors' failures went to their supervisors, so that what
            // comes here is a mistake in this program.
            var broken = mistake as InvariantException
                ?? new InvariantException($"the actor loop failed: {mistake.Message}", mistake);
            Close();
            ended.TrySetException(broken);
            onBrokenInvariant(broken);
        }
    }

    private void DeliverInbox()
    {
        int waiting;
        lock (gate)
        {
            if (inbox.Count == 0)
            {
                return;
            }
            (inbox, inHand) = (inHand, inbox);
            waiting = sendersWaiting;
            sendersWaiting = 0;
        }
        if (waiting > 0)
        {
            inboxRoom.Release(waiting);
        }
        foreach (ref readonly var item in CollectionsMarshal.AsSpan(inHand))
        {
            if (item.Action is not null)
            {
                item.Action();
            }
            else
            {
                System.Deliver(item.Envelope);
            }
        }
        inHand.Clear();
    }

    private void SleepUntilNeeded()
    {
        var sleepMs = Timeout.Infinite;
        if (System.NextDueNs is { } dueNs)
        {
            // Rounded up, so that the loop does not spin through the last millisecond.
            var waitNs = dueNs - NowNs;
            sleepMs = (int)Math.Clamp((waitNs + 999_999) / 1_000_000, 0, int.MaxValue);
        }
        lock (gate)
        {
            if (inbox.Count > 0 || System.IsTerminated)
            {
                return;
            }
            asleep = true;
        }
        wakeUp.WaitOne(sleepMs);
        lock (gate)
        {
            asleep = false;
        }
    }

    private void Close()
    {
        int waiting;
        lock (gate)
        {
            closed = true;
            waiting = sendersWaiting;
            sendersWaiting = 0;
        }
        if (waiting > 0)
        {
            inboxRoom.Release(waiting);
        }
    }

    private static void EndProcess(InvariantException broken)
    {
        Console.Error.WriteLine($"broken invariant: {broken.Message}");
        Console.Error.WriteLine(broken.StackTrace);
        Environment.Exit(ExitCodes.BrokenInvariant);
    }

    private readonly struct InboxItem
    {
        public InboxItem(in Envelope envelope) => Envelope = envelope;

        public InboxItem(Action action) => Action = action;

        public Envelope Envelope { get; }

        public Action? Action { get; }
    }
}
