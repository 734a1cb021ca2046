using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Kernel.Tests.Actors;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>One worker against coordinators that the test plays itself.</summary>
public sealed class WorkerActorTests : IDialPort
{
    private static readonly JobDescription Description = FakeCluster.Job(workers: 1, steps: 1000);
    private static readonly JobDescription ShortDescription = FakeCluster.Job(workers: 1, steps: 4);

    private readonly TestEnvironment environment = new();
    private readonly List<FakeTraining> trainings = [];
    private readonly FakeTraining training;
    private readonly IActorRef worker;
    private readonly List<(string Address, ulong Incarnation)> dials = [];
    private FakeLink link = new();

    public WorkerActorTests()
    {
        training = new FakeTraining("w0", trainings, incarnation: 7);
        trainings.Add(training);
        worker = environment.System.Spawn("worker", () => new WorkerActor(
            new WorkerIdentity("w0", 7, "host", 1, "w0:1", []), ["a:1", "b:1"], this, training,
            new WorkerTiming(), training.Host));
        environment.Settle();
    }

    void IDialPort.Dial(string address, WorkerIdentity identity, IActorRef actor) =>
        dials.Add((address, identity.Incarnation));

    [Fact]
    public void SeedsAreDialledInTurnUntilOneAnswers()
    {
        for (int round = 0; round < 3; round++)
        {
            Tell(new DialFailed("x", "nothing listens there"));
            environment.Advance(0.2);
        }

        Assert.Equal(["a:1", "b:1", "a:1", "b:1"], dials.Select(dial => dial.Address));
        Assert.Equal(3, training.Host.Heard.OfType<NoCoordinator>().Count());
    }

    [Fact]
    public void AStandbyShowsTheWayToTheLeader()
    {
        Open();
        Say(new NotLeader("c:1"));
        Tell(new LinkClosed(link, "it stands by"));
        environment.Advance(0.2);

        Assert.Equal(["a:1", "c:1"], dials.Select(dial => dial.Address));
    }

    [Fact]
    public void AnOlderTermIsRefused()
    {
        Join(term: 5);
        Tell(new LinkClosed(link, "it died"));
        environment.Advance(0.2);
        Join(term: 4);

        Assert.True(link.IsClosed);
        Assert.Empty(link.Told);
    }

    [Fact]
    public void ASilentCoordinatorIsLeft()
    {
        Join(term: 1);
        environment.Advance(4.5);
        Assert.False(link.IsClosed);
        environment.Advance(1);
        Assert.True(link.IsClosed);
        Assert.Equal(2, dials.Count);
    }

    [Fact]
    public void AnAnsweringCoordinatorIsKept()
    {
        Join(term: 1);
        for (int beat = 0; beat < 100; beat++)
        {
            Say(HeartbeatAnswer.Instance);
            environment.Advance(0.1);
        }

        Assert.False(link.IsClosed);
        Assert.InRange(link.Told.OfType<Heartbeat>().Count(), 99, 101);
    }

    [Fact]
    public void WhatIsNotOnRecordIsToldAgainInOrderBeforeTheState()
    {
        Join(term: 1);
        RunTo(step: 40);
        List<ReportSent> first = [.. link.Told.OfType<ReportSent>()];
        Say(new ReportsRecorded(1, first[^2].Sequence, 0));
        Tell(new LinkClosed(link, "it died"));
        training.HoldAt = 60;
        training.TryCommit();
        environment.Advance(1);
        Join(term: 2);

        List<WorkerMessage> told = [.. link.Told.Where(message => message is not Heartbeat)];
        List<ReportSent> again = [.. told.OfType<ReportSent>()];
        Assert.Equal(first[^1], again[0]);
        Assert.Equal(
            Enumerable.Range(0, again.Count).Select(index => again[0].Sequence + index),
            again.Select(report => report.Sequence));
        Assert.Equal(59, Assert.IsType<WorkReported>(told[^1]).State.Step);
    }

    [Fact]
    public void ARemovedWorkerForgetsItsJobAndComesBackAsNew()
    {
        Join(term: 1);
        RunTo(step: 5);
        Say(new Removed("it fell silent"));
        environment.Advance(0.2);

        Assert.True(training.IsReleased);
        Assert.NotEqual(7UL, dials[^1].Incarnation);
        Join(term: 1);
        Assert.Contains(new WorkForgotten(0), link.Told);
    }

    [Fact]
    public void OrdersOfAnOlderGenerationAreIgnored()
    {
        Join(term: 1);
        Prepare();
        Say(new Ordered(new HaltJob(1, 5, "first")));
        Say(new Ordered(Form(4)));
        Assert.Null(training.Generation);
        Say(new Ordered(new HaltJob(1, 3, "stale")));
        Say(new Ordered(Form(5)));
        Assert.Equal(5, training.Generation!.Number);
    }

    [Fact]
    public void AWorkerWhoseReportsNobodyRecordsWaitsAtItsBound()
    {
        var patient = new FakeTraining("w1", trainings, incarnation: 8) { HoldAt = 500 };
        trainings.Clear();
        trainings.Add(patient);
        IActorRef bounded = environment.System.Spawn("bounded", () => new WorkerActor(
            new WorkerIdentity("w1", 8, "host", 1, "w1:1", []), ["a:1"], this, patient,
            new WorkerTiming { UnrecordedStepsMax = 64, ReportInterval = TimeSpan.Zero },
            patient.Host));
        link = new FakeLink();
        bounded.Tell(new LinkOpened(link));
        foreach (CoordinatorMessage message in new CoordinatorMessage[]
        {
            new Welcome(1), new Ordered(new PrepareJob(1, Description, 0, "", Returns: 0)),
            new Ordered(new HaltJob(1, 1, "start")), new Ordered(Form(1, incarnation: 8)),
        })
        {
            bounded.Tell(new LinkMessage(link, message));
            environment.Settle();
        }

        Assert.Equal(64, patient.Step);
        bounded.Tell(new LinkMessage(
            link, new ReportsRecorded(1, link.Told.OfType<ReportSent>().Last().Sequence, 0)));
        environment.Settle();
        Assert.Equal(128, patient.Step);
    }

    /// <summary>Nothing else waits behind more than one of them.</summary>
    [Fact]
    public void AttachmentsGoOneByOneAndTheResultFollowsThem()
    {
        training.Shown = [Attachment(1), Attachment(2), Attachment(3)];
        Join(term: 1);
        Finish();
        for (int sent = 1; sent <= 3; sent++)
        {
            environment.Advance(1);
            Assert.Equal(
                training.Shown.Take(sent),
                link.Told.OfType<AttachmentSent>().Select(message => message.Attachment));
            Assert.DoesNotContain(link.Told, IsResult);
            Assert.Equal(1, link.Told.OfType<AttachmentSent>().Last().Generation);
            Tell(new AttachmentLeft(link));
        }

        Assert.Contains(link.Told, IsResult);
    }

    [Fact]
    public void AttachmentsAreLostWithTheirStreamAndHoldNothingUp()
    {
        training.Shown = [Attachment(1), Attachment(2)];
        Join(term: 1);
        Finish();
        FakeLink first = link;
        Tell(new LinkClosed(link, "it died"));
        environment.Advance(0.2);
        Join(term: 2);
        Tell(new AttachmentLeft(first));

        Assert.Single(first.Told.OfType<AttachmentSent>());
        Assert.Empty(link.Told.OfType<AttachmentSent>());
        Assert.Contains(link.Told, IsResult);
    }

    [Fact]
    public void WithoutACoordinatorAttachmentsAreDroppedAtOnce()
    {
        training.Shown = [Attachment(1)];
        Join(term: 1);
        RunTo(step: 3);
        Tell(new LinkClosed(link, "it died"));
        training.HoldAt = long.MaxValue;
        training.TryCommit();
        environment.Advance(0.2);
        Join(term: 2);

        Assert.Empty(link.Told.OfType<AttachmentSent>());
        Assert.Contains(link.Told, IsResult);
    }

    private static bool IsResult(WorkerMessage message) =>
        message is WorkReported { State.Result: not null };

    private static RunAttachment Attachment(byte content) =>
        new(4, AttachmentKind.Summary, "", new[] { content });

    private void Finish()
    {
        RunTo(step: 3);
        training.HoldAt = long.MaxValue;
        training.TryCommit();
        environment.Settle();
    }

    private void RunTo(long step)
    {
        training.HoldAt = step + 1;
        Prepare();
        Say(new Ordered(new HaltJob(1, 1, "start")));
        Say(new Ordered(Form(1)));
        environment.Advance(1);
        Assert.Equal(step, training.Step);
    }

    private void Prepare() => Say(new Ordered(new PrepareJob(
        1, training.Shown.Count > 0 ? ShortDescription : Description, 0, "", Returns: 0)));

    private static FormGeneration Form(int number, ulong incarnation = 7) => new(
        1,
        new Generation(
            1, number,
            [
                new(0, new WorkerIdentity("w", incarnation, "host", 1, "w:1", []),
                    new ShardRange(0, 4)),
            ],
            new StartPoint(0, 0, 0, "w:1")),
        Rank: 0);

    private void Open()
    {
        link = new FakeLink();
        Tell(new LinkOpened(link));
    }

    private void Join(long term)
    {
        Open();
        Say(new Welcome(term));
    }

    private void Say(CoordinatorMessage message) => Tell(new LinkMessage(link, message));

    private void Tell(object message)
    {
        worker.Tell(message);
        environment.Settle();
    }

    private sealed class FakeLink : IControlLink
    {
        public List<WorkerMessage> Told { get; } = [];

        public bool IsClosed { get; private set; }

        public string Path => "/coordinator";

        public void Tell(object message, IActorRef? sender = null) =>
            Told.Add((WorkerMessage)message);

        public void Close(string reason) => IsClosed = true;
    }
}
