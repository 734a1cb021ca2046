using Distributed.Cluster.Configuration;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Membership;
using Distributed.Cluster.Observers;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Runtime.Actors;
using Distributed.Runtime.Observers;
using Distributed.Runtime.Pbm;
using Distributed.Runtime.Tests.Store;
using PbmEnd = Distributed.Runtime.Protocol.PbmEnd;
using PbmItem = Distributed.Runtime.Protocol.PbmItem;
using PbmLine = Distributed.Runtime.Protocol.PbmLine;
using RunPbmRequest = Distributed.Runtime.Protocol.RunPbmRequest;

namespace Distributed.Runtime.Tests.Pbm;

/// <summary>
/// A cluster that is only told of: three workers with a job, one of them unreachable, one that has
/// gone, a job that has ended, and a sweep. Its coordinator takes every order and says so.
/// </summary>
internal sealed class ShownCluster : IAsyncDisposable
{
    private const ulong Job = 0x5f48661a3c26b1ba;
    private const ulong EndedJob = 0x11;
    private const ulong Sweep = 0xabcdef0123456789;

    private readonly SetClock _clock = new();
    private readonly ClusterReadModel _model;
    private readonly ActorLoop _loop = new("coordinator", 1, _ => { });
    private readonly PbmService _service;
    private int _told;

    public ShownCluster(bool acts = true)
    {
        _model = new ClusterReadModel("127.0.0.1:4053", _clock);
        _loop.Start();
        IActorRef coordinator = _loop.Spawn("coordinator", () => new ObedientCoordinator());
        var settings = new ClusterSettings
        {
            Coordination = new CoordinationSettings
            {
                Store = "postgresql://anna:secret@db:5432/runs",
            },
        };
        Node = new InspectedNode(
            new PbmOptions(
                settings, "1.2.3", new LogThreshold(LogLevel.Info), MayTakeAnyPort: false),
            _model, _loop, coordinator, _clock)
        {
            AnswerDeadline = TimeSpan.FromSeconds(20),
        };
        _service = new PbmService(Node, new PbmLifetime(CancellationToken.None));
        if (acts)
        {
            Tell(new LeadershipObserved(3, "127.0.0.1:4053", "it holds the lease"));
            TellMembers();
            TellJobs();
            TellSweep();
        }
        else
        {
            Tell(new LeadershipObserved(0, "10.0.0.1:4053", "another holds the lease"));
        }

        Tell(new ActorLogRecord(
            ActorLogLevel.Warning, _clock.Now, "/user/coordinator",
            "a name with \e[31mcolours\e[0m\r and \u202eturned\u202c", null));
        // All of that happened before the minute and a half that have passed since.
        _model.ChangedAsync(_told - 1, CancellationToken.None).GetAwaiter().GetResult();
        _clock.Now += TimeSpan.FromSeconds(90);
    }

    public InspectedNode Node { get; }

    /// <summary>The items of an answer, one a line, and its end.</summary>
    public async Task<string> AskAsync(
        string line, bool json = false, bool plan = false, int width = 0,
        Action? onItem = null, CancellationToken cancellation = default)
    {
        await _model.ChangedAsync(_told - 1, cancellation);
        string[] words = line.Split(' ');
        var request = new RunPbmRequest
        {
            Palette = words[0],
            Command = words[1],
            Json = json,
            Plan = plan,
            Width = width,
        };
        foreach (string value in words.Skip(2))
            request.Values[value.Split('=')[0]] = value.Split('=')[1];
        List<string> lines = [];
        try
        {
            PbmEnd end = await _service.RunAsync(
                request,
                item =>
                {
                    lines.Add(Show(item));
                    onItem?.Invoke();
                    return Task.CompletedTask;
                },
                cancellation);
            if (end.ExitCode != 0 || end.Message.Length > 0)
                lines.Add($"exit {end.ExitCode}: {end.Message}");
        }
        catch (OperationCanceledException)
        {
            lines.Add("(cancelled)");
        }

        return string.Join('\n', lines);
    }

    public void Pause() =>
        Tell(new JobStatusObserved(new JobStatus(Job, "fashion", "paused: lunch", 2, 1200, 9380)));

    /// <summary>A job of the running one's name that has failed.</summary>
    public void TellNamesake(string reason)
    {
        const ulong number = 0x77UL << 56;
        Tell(new JobObserved(number, Description("fashion"), 0));
        Tell(new JobHappened(number, new RunFailed(1, reason)));
    }

    public void Tell(object observed)
    {
        _told++;
        _model.Tell(observed);
    }

    public async ValueTask DisposeAsync()
    {
        _loop.Dispose();
        await _model.DisposeAsync();
    }

    private static string Show(PbmItem item) => item.ItemCase switch
    {
        PbmItem.ItemOneofCase.Line => item.Line.Style == PbmLine.Types.Style.Plain
            ? item.Line.Text
            : $"<{item.Line.Style}> {item.Line.Text}",
        PbmItem.ItemOneofCase.Json => item.Json,
        _ => $"plan: {item.Plan.Text} [{string.Join(
            ", ", item.Plan.Values.Select(value => $"{value.Key}={value.Value}").Order())}]",
    };

    private static WorkerIdentity Worker(int number) => new(
        $"w{number}", (ulong)(100 + number), "host", 1000 + number, $"127.0.0.1:500{number}",
        number == 0 ? ["trainer"] : [])
    {
        Version = "1.2.2",
    };

    private static MemberIdentity Member(int number)
    {
        WorkerIdentity worker = Worker(number);
        return new MemberIdentity(
            worker.Name, worker.Incarnation, worker.DataAddress, worker.Roles);
    }

    private static JobDescription Description(string name) => new(
        name, "spec", $"/runs/{name}", 3, 2, 8, ReductionOrder.Exact, 64, 60_000, 10,
        new StepSchedule(9380, 938, 938, 100), 0, "", "", 0, "");

    private void TellMembers()
    {
        for (int number = 0; number < 4; number++)
        {
            Tell(new MemberJoined(Member(number), "it asked to join"));
            Tell(new MemberUp(Member(number), "1 member has joined"));
        }

        Tell(new MemberDowned(Member(3), "its connection broke"));
        Tell(new MemberRemoved(Member(3), "it has not come back"));
    }

    private void TellJobs()
    {
        Tell(new JobObserved(EndedJob, Description("early"), 0));
        Tell(new JobHappened(EndedJob, new RunCompleted(
            938, 60_000, 0.87, 0.35, "aa", 5000, 1, 0, 0, 12, "/runs/early")));
        Tell(new JobObserved(Job, Description("fashion"), 0));
        Tell(new JobHappened(Job, new JobAccepted(Job)));
        for (int number = 0; number < 3; number++)
        {
            Tell(new WorkerObserved(Worker(number), Job, "Running", 0, "cpu", ""));
            Tell(new VitalsObserved(
                (ulong)(100 + number),
                number == 0
                    ? new WorkerVitals("cuda:0", 1, 3L << 30, 5L << 30, 139L << 30, 0.875)
                    : new WorkerVitals("cpu", 1, 300L << 20, 0, 0, 0.5)));
        }

        Tell(new GenerationObserved(
            new Generation(
                Job, 2,
                [
                    new RankAssignment(0, Worker(0), new ShardRange(0, 4)),
                    new RankAssignment(1, Worker(1), new ShardRange(4, 6)),
                    new RankAssignment(2, Worker(2), new ShardRange(6, 8)),
                ],
                new StartPoint(900, 0, 0, "")),
            "w3 was lost: its connection broke"));
        Tell(new JobStatusObserved(new JobStatus(Job, "fashion", "running", 2, 1200, 9380)));
        Tell(new StepsObserved(
            Job, 100, 0, 2, [new StepRecord(1200, 0.4321, 50, 64, 0.01, 10, 2, 1.5, 12)]));
        Tell(new JobHappened(Job, new EpochCompleted(1, 938, 0.6, 0.78, 0.5, 0.8125, 11)));
        Tell(new JobHappened(Job, new CheckpointSaved(938, "/runs/fashion/checkpoints/938")));
        Tell(new JobHappened(Job, new StepCommitted(1200, 9380, 2, 10, 0.4321, 5120.5)));
        Tell(new UnreachableMember(Member(2), "it is silent"));
        Tell(new WorkerObserved(Worker(1), Job, "Running", 1200, "cpu", "its fan is broken"));
    }

    private void TellSweep()
    {
        Tell(new SweepObserved([new SweepSubmitted(Sweep, new SweepDescription(
            "widths", "/sweeps/widths", "epochs: 4", [],
            new SearchSpace([new RealDimension("rate", [], 0, 1, null, false)]), new RandomSpec(),
            new NoSchedulerSpec(), [new Objective(ObjectiveMetric.TestAccuracy, true)],
            new SweepLimits(4, 2, 1, null, 2), [1], 4, 1, true, [], ""))]));
        Tell(new SweepObserved([new TrialSuggested(
            Sweep, 1, 0, [new ParameterValue("rate", "0.1")], "drawn", 0)]));
        Tell(new SweepObserved([new TrialSuggested(
            Sweep, 2, 1, [new ParameterValue("rate", "0.9")], "drawn", 0)]));
        Tell(new SweepObserved([new LegStarted(Sweep, 3, 0, 1, 4, -1, 0)]));
        Tell(new SweepObserved([new LegEnded(Sweep, 4, 0, 1, new LegOutcome(
            LegEnd.Reached, new TrialResult(4, 0.3, 0.9, 0.4, 0.8765, 5000, 12.5, "aa"), "",
            ""))]));
        Tell(new SweepObserved(
            [new TrialEnded(Sweep, 5, 0, TrialEnd.Completed, "it has trained 4 epochs", 0)]));
        Tell(new SweepObserved([new LegStarted(Sweep, 6, 1, 1, 4, -1, 0)]));
        Tell(new SweepObserved([new LegEnded(Sweep, 7, 1, 1, new LegOutcome(
            LegEnd.Hopeless, null, "", "its loss is not a number"))]));
        Tell(new SweepObserved(
            [new TrialEnded(Sweep, 8, 1, TrialEnd.Failed, "its loss is not a number", 0)]));
    }

    /// <summary>Answers what it was asked for.</summary>
    private sealed class ObedientCoordinator : Actor
    {
        protected override void Receive(object message, IActorContext context)
        {
            switch (message)
            {
                case ClusterOrder order:
                    context.Sender?.Tell(new ClusterOrderReply(true, $"{order}"));
                    break;
                case StopJob:
                    context.Sender?.Tell(new StopJobReply(true));
                    break;
                case SweepOrder order:
                    context.Sender?.Tell(new SweepOrderReply(true, $"{order}"));
                    break;
            }
        }
    }
}
