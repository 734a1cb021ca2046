using Distributed.Cluster.Coordination;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Security;

namespace Distributed.Process.Tests;

/// <summary>
/// What a person orders a cluster of real processes to do, over gRPC: the bits are those of a run
/// that was left in peace, and no step is redone.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class OrderTests(Workplace workplace)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task ARunThatIsPausedAndResumedHasTheSameBits()
    {
        using HandStartedCluster cluster = StartCluster();
        using DisturbedRun run = cluster.Submit(Recipe.LongAdamNorm, cluster.Seeds[0]);
        using var client = new CoordinatorClient(RpcSecurity.None, cluster.Seeds[0]);
        run.Command.WaitForStep(10);
        ulong job = await JobAsync(client);

        await OrderAsync(client, new PauseJob(job, "lunch"));
        JobStatus paused = await UntilAsync(client, job, "paused: lunch");
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Equal(paused.Step, (await StatusAsync(client, job)).Step);
        run.Command.WaitForError("stands still after step");
        await OrderAsync(client, new CheckpointJob(job));
        Arrival saved = run.Command.WaitForArrival(
            "checkpoint", happened => happened.GetProperty("step").GetInt64() >= paused.Step);
        await OrderAsync(client, new ResumeJob(job));
        Arrival goesOn = run.Command.WaitForArrival(
            "generation", happened => happened.GetProperty("generation").GetInt32() == 2);
        CommandResult result = run.FinishAsUndisturbed();

        Assert.Equal(saved.Number("step"), goesOn.Number("step"));
        Assert.Equal("the job was resumed", goesOn.Text("reason"));
        Assert.Equal(0, JsonEvents.Done(result).GetProperty("steps_redone").GetInt64());
    }

    [Fact]
    public async Task ARunThatIsScaledDownAndUpHasTheSameBits()
    {
        using HandStartedCluster cluster = StartCluster();
        using DisturbedRun run = cluster.Submit(Recipe.LongAdamNorm, cluster.Seeds[0]);
        using var client = new CoordinatorClient(RpcSecurity.None, cluster.Seeds[0]);
        run.Command.WaitForStep(5);
        ulong job = await JobAsync(client);

        await OrderAsync(client, new ScaleJob(job, 1));
        run.Command.WaitForArrival(
            "generation", happened => DisturbedRun.Workers(happened).Count == 1);
        await OrderAsync(client, new ScaleJob(job, 3));
        CommandResult result = run.FinishAsUndisturbed();
        Assert.Equal(0, JsonEvents.Done(result).GetProperty("steps_redone").GetInt64());
    }

    [Fact]
    public async Task AWorkerThatIsAskedToLeaveEndsWithExitCode0()
    {
        using var cluster = new HandStartedCluster(workplace);
        cluster.Seeds.AddRange(HandStartedCluster.FreeAddresses(1));
        cluster.StartCoordinator(cluster.Seeds[0]);
        cluster.StartWorker("alpha");
        CommandRun beta = cluster.StartWorker("beta");
        using DisturbedRun run = cluster.Submit(Recipe.LongAdamNorm, cluster.Seeds[0]);
        using var client = new CoordinatorClient(RpcSecurity.None, cluster.Seeds[0]);
        run.Command.WaitForStep(10);

        await OrderAsync(client, new LeaveWorker("beta", "maintenance"));
        beta.Finish().Expect(0);
        CommandResult result = run.FinishAsUndisturbed();
        Assert.Equal(0, JsonEvents.Done(result).GetProperty("steps_redone").GetInt64());
    }

    [Fact]
    public async Task InSingleNodeModeAWorkerThatLeftIsNotStartedAgain()
    {
        using DisturbedRun run = DisturbedRun.Start(workplace, Recipe.LongAdamNorm, workers: 3);
        run.Command.WaitForStep(10);
        using var client = new CoordinatorClient(RpcSecurity.None, CoordinatorAddress(run));

        await OrderAsync(client, new LeaveWorker("w1", "maintenance"));
        run.Command.WaitForError("it is not started again");
        run.FinishAsUndisturbed();
    }

    private HandStartedCluster StartCluster()
    {
        var cluster = new HandStartedCluster(workplace);
        cluster.Seeds.AddRange(HandStartedCluster.FreeAddresses(1));
        cluster.StartCoordinator(cluster.Seeds[0]);
        foreach (string name in new[] { "alpha", "beta", "gamma" })
            cluster.StartWorker(name);
        return cluster;
    }

    /// <summary>From the arguments of one of its workers, which were told where to join.</summary>
    private static string CoordinatorAddress(DisturbedRun run)
    {
        string arguments = string.Join(' ', Signals.CommandLine(run.WorkerId("w0")));
        int begin = arguments.IndexOf("seed-nodes=[\"", StringComparison.Ordinal) + 13;
        return arguments[begin..arguments.IndexOf('"', begin)];
    }

    private static async Task OrderAsync(CoordinatorClient client, ClusterOrder order)
    {
        ClusterOrderReply reply = await client.OrderAsync(order, CancellationToken.None);
        Assert.True(reply.Taken, reply.Message);
    }

    private static async Task<ulong> JobAsync(CoordinatorClient client) =>
        Assert.Single((await client.StatusAsync(CancellationToken.None)).Jobs).Job;

    private static async Task<JobStatus> StatusAsync(CoordinatorClient client, ulong job) =>
        (await client.StatusAsync(CancellationToken.None)).Jobs.Single(known => known.Job == job);

    private static async Task<JobStatus> UntilAsync(
        CoordinatorClient client, ulong job, string state)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            JobStatus status = await StatusAsync(client, job);
            if (status.State == state)
                return status;
            await Task.Delay(20, patience.Token);
        }
    }
}
