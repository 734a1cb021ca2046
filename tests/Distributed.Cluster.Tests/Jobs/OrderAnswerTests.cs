using Distributed.Cluster.Coordination;
using Distributed.Cluster.Observers;
using Distributed.Kernel;

namespace Distributed.Cluster.Tests.Jobs;

/// <summary>
/// An order is answered once it is safe, and the answer is about it and no other; and what is
/// shown of workers is what they do now.
/// </summary>
public sealed class OrderAnswerTests
{
    private const ulong Number = FakeCluster.JobNumber;

    [Fact]
    public void APauseThatFollowsAResumptionAtOnceHolds()
    {
        FakeCluster cluster = Running(2);
        cluster.Order(new PauseJob(Number, "lunch"));
        cluster.LetGo();
        var asker = new Asker();
        cluster.Tell(new ResumeJob(Number), asker);
        cluster.Tell(new PauseJob(Number, "dinner"), asker);
        cluster.Run(10);
        Assert.Equal(2, asker.Orders.Count);
        Assert.Equal("paused: dinner", Assert.Single(cluster.Status().Jobs).State);
    }

    /// <summary>Otherwise a coordinator that dies right then has lost what it agreed to.</summary>
    [Fact]
    public void AStopIsAnsweredOnceItIsInTheStore()
    {
        FakeCluster cluster = Running(2);
        cluster.Store.IsOut = true;
        var asker = new Asker();
        cluster.Tell(new StopJob(Number, "enough"), asker);
        cluster.Run(0.05);
        Assert.Empty(asker.Answers);
        cluster.Store.IsOut = false;
        cluster.Run();
        Assert.Equal([new StopJobReply(true)], asker.Answers);
        Assert.Single(cluster.Store.Decisions.OfType<StopRequested>());
    }

    [Fact]
    public void WhoeverAskedForAStopThatIsNotInTheStoreIsSentToTheNextCoordinator()
    {
        FakeCluster cluster = Running(2);
        cluster.Store.IsOut = true;
        var asker = new Asker();
        cluster.Tell(new StopJob(Number, "enough"), asker);
        cluster.Tell(new StopJob(Number, "enough"), asker);
        cluster.Run(30);
        Assert.Equal(2, asker.Answers.Count);
        Assert.All(asker.Answers, answer => Assert.IsType<CoordinatorStandsBy>(answer));
    }

    [Fact]
    public void ALeaveIsAnsweredOnceTheWorkerHasHeardOfIt()
    {
        FakeCluster cluster = Running(3);
        var lost = new Asker();
        cluster.Freeze(cluster.Trainings[1]);
        cluster.Tell(new LeaveWorker("w1", "maintenance"), lost);
        cluster.Run(0.05);
        Assert.Empty(lost.Answers);
        cluster.Kill(cluster.Trainings[1]);
        cluster.Run();
        ClusterOrderReply reply = Assert.Single(lost.Orders);
        Assert.False(reply.Taken);
        Assert.Contains("may not have heard", reply.Message, StringComparison.Ordinal);

        var heard = new Asker();
        cluster.Tell(new LeaveWorker("w2", "maintenance"), heard);
        cluster.Tell(new LeaveWorker("w2", "maintenance"), heard);
        cluster.Run();
        Assert.Equal(2, heard.Orders.Count(answer => answer.Taken));
    }

    [Fact]
    public void OrdersThatCrossAreAnsweredEachForItself()
    {
        FakeCluster cluster = Running(2);
        (Asker bench, Asker unbench) = (new Asker(), new Asker());
        cluster.Freeze(cluster.Trainings[0]);
        cluster.Tell(new BenchWorker("w0", "noisy"), bench);
        cluster.Tell(new UnbenchWorker("w0"), unbench);
        cluster.Run(0.05);
        cluster.Thaw(cluster.Trainings[0]);
        cluster.Run();
        Assert.Equal(
            "worker w0 hands its work over and gets no other",
            Assert.Single(bench.Orders).Message);
        Assert.Equal("worker w0 may get work", Assert.Single(unbench.Orders).Message);
    }

    /// <summary>Otherwise nobody could say which of the two is meant.</summary>
    [Fact]
    public void AWorkerThatIsStartedAgainAtItsAddressTakesThePlaceOfTheOneBefore()
    {
        FakeCluster cluster = Running(3);
        cluster.Kill(cluster.Trainings[2]);
        cluster.AddWorker("w2");
        cluster.Run(0.05);
        Assert.Equal(3, cluster.Status().Workers.Count);
        Assert.True(Assert.IsType<ClusterOrderReply>(
            cluster.Order(new BenchWorker("w2:1", "noisy"))).Taken);
    }

    [Fact]
    public void AWorkerWithoutAJobShowsNothingOfTheOneItHad()
    {
        FakeCluster cluster = Running(4);
        cluster.Order(new ScaleJob(Number, 2));
        cluster.Run();
        cluster.RunPast(12);
        WorkerStatus[] idle =
            [.. cluster.Status().Workers.Where(worker => worker.Job == 0)];
        Assert.Equal(2, idle.Length);
        Assert.All(idle, worker => Assert.Equal(("", 0L), (worker.Phase, worker.Step)));
    }

    /// <summary>Who looks at the next coordinator is to see who holds which shards.</summary>
    [Fact]
    public void ASuccessorShowsTheGenerationThatWorksOn()
    {
        FakeCluster cluster = Running(2, coordinators: 2);
        var observer = new Asker();
        cluster.Observe(observer, typeof(GenerationObserved));
        cluster.KillCoordinator(cluster.Leader);
        cluster.Run(20);
        Assert.Single(cluster.Generations);
        Assert.Equal(
            1, Assert.Single(observer.Answers.OfType<GenerationObserved>()).Generation.Number);
    }

    private static FakeCluster Running(int workers, int coordinators = 1)
    {
        var cluster = new FakeCluster(coordinators);
        for (int worker = 0; worker < workers; worker++)
            cluster.AddWorker($"w{worker}");
        cluster.Run(0.5);
        cluster.Submit(FakeCluster.Job(workers, steps: 30));
        cluster.RunPast(5);
        return cluster;
    }

    private sealed class Asker : IActorRef
    {
        public string Path => "/asker";

        public List<object> Answers { get; } = [];

        public List<ClusterOrderReply> Orders => [.. Answers.OfType<ClusterOrderReply>()];

        public void Tell(object message, IActorRef? sender = null) => Answers.Add(message);
    }
}
