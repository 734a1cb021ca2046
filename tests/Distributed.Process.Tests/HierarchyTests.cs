namespace Distributed.Process.Tests;

/// <summary>
/// Four workers that are kept apart as if on two hosts: those of one host share memory, one of them
/// talks to the other host, and the bits are those of one worker alone.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class HierarchyTests(Workplace workplace)
{
    /// <summary>
    /// Workers by name and host. Ranks go by names, but for those of one host, who are neighbours.
    /// </summary>
    private static readonly (string Name, string Host)[] s_workers =
        [("w1", "a"), ("w2", "b"), ("w3", "a"), ("w4", "b")];

    /// <summary>The first host's leader, and one of the second who leads nobody.</summary>
    public static TheoryData<string> Victims() =>
        new(new[] { "w1", "w4", "w2", "w3" }.Take(Chaos.Times(ordinary: 2, chaos: 4)));

    [Theory]
    [MemberData(nameof(Victims))]
    public void ARunOfTwoHostsOutlivesAWorkerWithTheBitsOfOneWorker(string victim)
    {
        using var cluster = new HandStartedCluster(workplace);
        cluster.Seeds.AddRange(HandStartedCluster.FreeAddresses(1));
        cluster.StartCoordinator(cluster.Seeds[0]);
        foreach ((string name, string host) in s_workers)
            cluster.StartWorker(name, $"worker.host={host}");
        using DisturbedRun run = cluster.Submit(Recipe.LongAdamNorm, cluster.Seeds[0]);

        run.Command.WaitForStep(10);
        Assert.Equal(["w1", "w3", "w2", "w4"], run.Ranks);
        // A worker maps the gradients of its host's ranks, and no other's.
        foreach ((string name, _) in s_workers)
            Assert.Equal(2, SharedGradients(run.WorkerId(name)));

        Moment kill = run.Kill(run.WorkerId(victim));
        Arrival regrouped = run.Command.WaitForArrival("generation", from: kill.Line);
        Assert.Equal(
            new[] { "w1", "w3", "w2", "w4" }.Except([victim]),
            DisturbedRun.Workers(regrouped.Event));
        run.Command.WaitForArrival("recovered", from: kill.Line);
        // The host of two goes on as it was; who is alone now shares with nobody.
        string widow = s_workers.First(
            worker => worker.Name != victim && worker.Host == HostOf(victim)).Name;
        foreach ((string name, _) in s_workers.Where(worker => worker.Name != victim))
            Assert.Equal(name == widow ? 0 : 2, SharedGradients(run.WorkerId(name)));

        run.FinishAsUndisturbed();
    }

    private static string HostOf(string name) =>
        s_workers.First(worker => worker.Name == name).Host;

    /// <summary>How many ranks' gradients a process has mapped.</summary>
    private static int SharedGradients(int processId) => File
        .ReadLines($"/proc/{processId}/maps")
        .Count(line => line.Contains("/distributed-", StringComparison.Ordinal)
            && line.Contains("-all", StringComparison.Ordinal));
}
