using Distributed.Collectives.Reduction;
using Distributed.Collectives.Tests;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Step;
using FsCheck.Xunit;

namespace Distributed.Training.Tests.Step;

/// <summary>
/// Members come and go between steps and in the midst of them: a step is committed whole or not at
/// all, who is behind copies the state, and the bits are those of a run that nothing happened to.
/// </summary>
public sealed class GenerationTests
{
    private const int Steps = 8;
    private const int Workers = 4;

    private static readonly Lazy<string> Plain = new(() => Undisturbed(TestSessions.PlainModel));

    private static readonly Lazy<string> Normalized =
        new(() => Undisturbed(TestSessions.NormalizedModel));

    private static readonly Lazy<string> Planned =
        new(() => Undisturbed(TestSessions.PlannedModel));

    private static readonly Lazy<string> Whitened =
        new(() => Undisturbed(TestSessions.WhitenedModel));

    private static readonly Lazy<string> Muon = new(() => Undisturbed(TestSessions.MuonModel));

    private static readonly Lazy<string> OnDevice = new(
        () => Undisturbed(TestSessions.NormalizedModel, trainer: TrainerKind.Device));

    private static readonly Lazy<string> WhitenedOnDevice = new(
        () => Undisturbed(TestSessions.WhitenedModel, trainer: TrainerKind.Device));

    public GenerationTests() => TorchLibrary.Initialize(threadCount: 1);

    [Property(MaxTest = 12)]
    public void AnyHistoryOfGenerationsTrainsTheSameBits(ulong seed) =>
        Assert.Equal(Plain.Value, Disturbed(TestSessions.PlainModel, new Prng(seed)));

    /// <summary>Batch norm's statistics, dropout, momentum and augmentation move along.</summary>
    [Property(MaxTest = 12)]
    public void AnyHistoryOfGenerationsKeepsAllThatBelongsToTheState(ulong seed) =>
        Assert.Equal(Normalized.Value, Disturbed(TestSessions.NormalizedModel, new Prng(seed)));

    /// <summary>Shards that change hands are computed in other company.</summary>
    [Property(MaxTest = 12)]
    public void AnyHistoryOfGenerationsTrainsTheSameBitsOfAPlan(ulong seed) =>
        Assert.Equal(Planned.Value, Disturbed(TestSessions.PlannedModel, new Prng(seed)));

    /// <summary>The slow copy moves along, and so do filters that no step changes.</summary>
    [Property(MaxTest = 6)]
    public void AnyHistoryOfGenerationsKeepsTheSlowCopy(ulong seed) =>
        Assert.Equal(Whitened.Value, Disturbed(TestSessions.WhitenedModel, new Prng(seed)));

    [Property(MaxTest = 6)]
    public void AnyHistoryOfGenerationsTrainsTheSameBitsWithMuon(ulong seed) =>
        Assert.Equal(Muon.Value, Disturbed(TestSessions.MuonModel, new Prng(seed)));

    /// <summary>
    /// Ranks that are alone step without the host; others take their state over from its copy.
    /// </summary>
    [Property(MaxTest = 4)]
    public void AnyHistoryOfGenerationsTrainsTheSameBitsOnADevice(ulong seed) => Assert.Equal(
        OnDevice.Value,
        Disturbed(TestSessions.NormalizedModel, new Prng(seed), TrainerKind.Device));

    [Property(MaxTest = 4)]
    public void AnyHistoryOfGenerationsKeepsADevicesSlowCopy(ulong seed) => Assert.Equal(
        WhitenedOnDevice.Value,
        Disturbed(TestSessions.WhitenedModel, new Prng(seed), TrainerKind.Device));

    /// <summary>Until it is refreshed, the copy of a device's state is of no step.</summary>
    [Fact]
    public void ADevicesStateIsGivenOutOnceItIsCopied()
    {
        using TrainingSession session = TestSessions.Alone(
            TestSessions.NormalizedModel, TrainerKind.Device);
        var first = new byte[session.State.ByteLength];
        Assert.True(session.State.TryCopyTo(0, 0, first));
        session.Step(1);
        Assert.False(session.State.TryCopyTo(0, 0, first));
        Assert.False(session.State.TryCopyTo(1, 0, first));
        Assert.Null(session.State.CountersAfter(1));
        session.State.Refresh();
        Assert.True(session.State.TryCopyTo(1, 0, first));
        session.Step(2);
        Assert.Null(session.State.CountersAfter(1));
        session.Leave();
        var second = new byte[first.Length];
        Assert.True(session.State.TryCopyTo(2, 0, second));
        Assert.NotEqual(first, second);
        Assert.Equal(session.State.Counters, session.State.CountersAfter(2));
    }

    [Fact]
    public void AStateIsCopiedOnlyWhileItIsThatOfTheStep()
    {
        using TrainingSession session = TestSessions.Create(TestSessions.NormalizedModel, 1);
        session.Join(Plan(1), 0, new CollectiveScope(1, 1), transport: null);
        session.Step(1);
        var bytes = new byte[session.State.ByteLength];
        Assert.True(session.State.TryCopyTo(1, 0, bytes));
        Assert.Equal(session.State.Counters, session.State.CountersAfter(1));
        session.Step(2);
        Assert.Null(session.State.CountersAfter(1));
        Assert.False(session.State.TryCopyTo(1, 0, bytes));
        Assert.True(session.State.TryCopyTo(2, 0, bytes));
    }

    /// <summary>Pieces of any length put together are the state in one piece.</summary>
    [Property(MaxTest = 20)]
    public void PiecesAreTheWhole(ushort pieceLength)
    {
        using TrainingSession session = TestSessions.Create(TestSessions.NormalizedModel, 1);
        var whole = new byte[session.State.ByteLength];
        Assert.True(session.State.TryCopyTo(0, 0, whole));
        var pieces = new byte[whole.Length];
        int length = 1 + pieceLength;
        for (int at = 0; at < pieces.Length; at += length)
        {
            Assert.True(session.State.TryCopyTo(
                0, at, pieces.AsSpan(at, Math.Min(length, pieces.Length - at))));
        }

        Assert.Equal(whole, pieces);
    }

    [Fact]
    public void AReplacementThatFailsLeavesAStateOfNoStep()
    {
        using TrainingSession session = TestSessions.Create(TestSessions.PlainModel, 1);
        Assert.Throws<IOException>(() => session.State.Replace(
            new StateCounters(7, 0, 0), () => throw new IOException("the disk is gone")));
        Assert.Null(session.State.CountersAfter(0));
        Assert.Null(session.State.CountersAfter(7));
    }

    [Fact]
    public void DisposedStatesAreNotCopied()
    {
        TrainingSession session = TestSessions.Create(TestSessions.PlainModel, 1);
        session.Dispose();
        Assert.False(session.State.TryCopyTo(0, 0, new byte[8]));
    }

    /// <summary>
    /// The exchange of measured times fails as a collective does: no state is changed, and another
    /// generation goes on from there, measures anew, and comes to the same bits.
    /// </summary>
    [Fact]
    public void AGenerationThatEndsWhenItsBucketsAreGroupedLosesNothing()
    {
        const int ranks = 2;
        const int choosing = AdaptiveAllReduce.WarmUpSteps + AdaptiveAllReduce.MeasuredSteps + 1;
        string alone = Undisturbed(TestSessions.WideModel, 2 * choosing);
        TrainingSession[] sessions =
        [
            .. Enumerable.Range(0, ranks).Select(
                _ => TestSessions.Create(TestSessions.WideModel, 1)),
        ];
        Assert.Equal(2, sessions[0].State.Model.Buckets.Count);
        var broken = new InMemoryNetwork(ranks);
        OnAll((session, rank) =>
        {
            session.Join(Plan(ranks), rank, new CollectiveScope(1, 1), broken.Connect(rank));
            while (session.State.Step < choosing - 1)
                session.Step(session.State.Step + 1);
            if (rank == 0)
                Assert.Throws<CollectiveCancelledException>(() => session.Step(choosing));
            else
                broken.CancelAll();
        });
        Assert.All(sessions, session => Assert.Equal(choosing - 1, session.State.Step));
        var whole = new InMemoryNetwork(ranks);
        OnAll((session, rank) =>
        {
            session.Join(Plan(ranks), rank, new CollectiveScope(1, 2), whole.Connect(rank));
            while (session.State.Step < 2 * choosing)
                session.Step(session.State.Step + 1);
        });
        Assert.All(sessions, session => Assert.Equal(alone, session.State.ParametersSha256()));
        Array.ForEach(sessions, session => session.Dispose());

        void OnAll(Action<TrainingSession, int> work)
        {
            var failures = new List<Exception>();
            Thread[] threads =
            [
                .. sessions.Select((session, rank) => new Thread(() =>
                {
                    try
                    {
                        work(session, rank);
                    }
                    catch (Exception failure)
                    {
                        lock (failures)
                            failures.Add(failure);
                    }
                })),
            ];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
            Assert.Empty(failures);
        }
    }

    private static string Undisturbed(
        string model, int steps = Steps, TrainerKind trainer = TrainerKind.Host)
    {
        using TrainingSession session = TestSessions.Alone(model, trainer);
        for (int step = 1; step <= steps; step++)
            session.Step(step);
        return session.State.ParametersSha256();
    }

    private static string Disturbed(
        string model, Prng random, TrainerKind trainer = TrainerKind.Host)
    {
        TrainingSession[] sessions =
        [
            .. Enumerable.Range(0, Workers).Select(
                _ => TestSessions.Create(model, 1, trainer: trainer)),
        ];
        TrainingSession[] members = sessions;
        for (int generation = 1; members.Max(member => member.State.Step) < Steps; generation++)
        {
            TrainingSession ahead = members.MaxBy(member => member.State.Step)!;
            int count = 1 + (int)random.NextBelow(Workers);
            members = [.. sessions.OrderBy(_ => random.NextUInt64()).Take(count)];
            foreach (TrainingSession member in members)
                TakeOver(ahead, member);
            RunGeneration(members, generation, random);
            long[] steps = [.. members.Select(member => member.State.Step).Distinct()];
            Assert.True(steps.Max() - steps.Min() <= 1, "members differ by one step at most");
        }

        string hash = members.MaxBy(member => member.State.Step)!.State.ParametersSha256();
        Array.ForEach(sessions, session => session.Dispose());
        return hash;
    }

    private static void TakeOver(TrainingSession ahead, TrainingSession member)
    {
        if (member.State.Step == ahead.State.Step)
            return;
        using var staged = new NativeBuffer(ahead.State.ByteLength);
        Assert.True(ahead.State.TryCopyTo(ahead.State.Step, 0, staged.AsSpan<byte>()));
        member.State.CopyFrom(ahead.State.Counters, staged);
    }

    /// <summary>Steps until the end, or until one of the ranks breaks off somewhere.</summary>
    private static void RunGeneration(TrainingSession[] members, int generation, Prng random)
    {
        var network = new InMemoryNetwork(members.Length);
        ReductionPlan plan = Plan(members.Length);
        int breaker = (int)random.NextBelow((ulong)members.Length);
        int sends = 1 + (int)random.NextBelow(60);
        int steps = 1 + (int)random.NextBelow(4);
        Thread[] threads =
        [
            .. members.Select((member, rank) => new Thread(() =>
            {
                ITransport? transport = members.Length == 1
                    ? null
                    : new BreakingTransport(
                        network.Connect(rank), rank == breaker ? sends : int.MaxValue,
                        network.CancelAll);
                member.Join(plan, rank, new CollectiveScope(1, generation), transport);
                try
                {
                    for (int step = 0; step < steps && member.State.Step < Steps; step++)
                        member.Step(member.State.Step + 1);
                }
                catch (CollectiveCancelledException)
                {
                    // The generation was broken off.
                }

                member.Leave();
            })),
        ];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
    }

    private static ReductionPlan Plan(int ranks) =>
        ReductionPlan.Create(ShardMap.Even(4, ranks), ReductionOrder.Exact);

    /// <summary>Breaks the generation off, for all, instead of a certain send.</summary>
    private sealed class BreakingTransport(ITransport inner, int sendsLeft, Action breakOff)
        : ITransport
    {
        private int sendsLeft = sendsLeft;

        public int Rank => inner.Rank;

        public int Size => inner.Size;

        public Pacing Pacing => inner.Pacing;

        public void Send(int peer, in FrameHeader header, ReadOnlyMemory<byte> payload)
        {
            if (--sendsLeft > 0)
            {
                inner.Send(peer, header, payload);
                return;
            }

            breakOff();
            throw new CollectiveCancelledException("the test broke it off");
        }

        public void Receive(int peer, in FrameHeader expected, Memory<byte> destination) =>
            inner.Receive(peer, expected, destination);

        public void Flush() => inner.Flush();

        public void Cancel(string reason) => inner.Cancel(reason);

        public void Dispose() => inner.Dispose();
    }
}
