using System.Diagnostics;
using System.Text.Json;
using Distributed.Cli.Commands;
using Distributed.Cli.Nodes;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;

namespace Distributed.Cli.Bench;

/// <summary>`bench startup`: from the start of a process to the moment it is of use.</summary>
internal sealed class StartupBench(BenchOutput output, CancellationToken cancellation)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(1);

    public async Task RunAsync(int rounds)
    {
        var help = new List<double>();
        var listening = new List<double>();
        var joined = new List<double>();
        string folder = Directory.CreateTempSubdirectory("distributed-bench-").FullName;
        try
        {
            // The first one brings the files into memory.
            for (int round = 0; round <= rounds; round++)
            {
                output.Progress($"round {round} of {rounds}");
                double helpMs = Help();
                (double listeningMs, double joinedMs) = await NodesAsync(folder, round);
                if (round == 0)
                    continue;
                help.Add(helpMs);
                listening.Add(listeningMs);
                joined.Add(joinedMs);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        var table = new FigureTable(output, "Start-up");
        table.Add("--help", "ms", help);
        table.Add("coordinator, until it listens", "ms", listening);
        table.Add("worker, until it has joined", "ms", joined);
        table.Show();
    }

    private static double Help()
    {
        long started = Stopwatch.GetTimestamp();
        Invariant.Check(
            Shell.Run(Environment.ProcessPath!, "--help") is { ExitCode: 0 }, "help is given");
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private async Task<(double ListeningMs, double JoinedMs)> NodesAsync(string folder, int round)
    {
        string store = JsonSerializer.Serialize(Path.Combine(folder, $"cluster-{round}.db"));
        long started = Stopwatch.GetTimestamp();
        using ChildProcess coordinator = Start(
            folder, "coordinator", "--set", $"coordination.store={store}",
            "--set", "pbm.port=0");
        using JsonDocument ready = JsonDocument.Parse(
            await coordinator.FirstLine.WaitAsync(Patience, cancellation));
        double listeningMs = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        string address = ready.RootElement.GetProperty("address").GetString()!;
        using var client = NodeSettings.Connect([address]);
        await UntilAsync(client, workers: 0);

        started = Stopwatch.GetTimestamp();
        using ChildProcess worker = Start(
            folder, "worker", "--set", $"cluster.seed-nodes=[\"{address}\"]");
        await UntilAsync(client, workers: 1);
        double joinedMs = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        await worker.StopAsync();
        await coordinator.StopAsync();
        return (listeningMs, joinedMs);
    }

    private static ChildProcess Start(string folder, string node, params string[] settings) =>
        ChildProcess.Start(
            node,
            [
                node, NodeCommandLines.SupervisedFlag, "--set", "training.termination-grace=2s",
                "--set", "remote.hostname=127.0.0.1",
                "--set", "remote.port=0", .. settings,
            ],
            Path.Combine(folder, $"{node}.log"));

    private async Task UntilAsync(CoordinatorClient client, int workers)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                if (await client.IdleWorkerCountAsync(cancellation) >= workers)
                    return;
            }
            catch (OperatingException) when (Stopwatch.GetElapsedTime(started) < Patience)
            {
                // It listens, but does not act yet.
            }

            await Task.Delay(LookAgain, cancellation);
        }
    }
}
