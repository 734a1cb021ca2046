using System.Globalization;

namespace Distributed.Cli.Bench.AllReduce;

/// <summary>
/// All ranks of one contender: processes that measure together when they are told to, and stand
/// still otherwise.
/// </summary>
internal sealed class RankGroup : IAsyncDisposable
{
    private readonly IReadOnlyList<LineProcess> _processes;
    private readonly string? _folder;

    private RankGroup(string name, IReadOnlyList<LineProcess> processes, string? folder = null)
    {
        Name = name;
        _processes = processes;
        _folder = folder;
    }

    public string Name { get; }

    /// <summary>This program's own ranks, as many as there are host:port, or as asked.</summary>
    public static async Task<RankGroup> StartOursAsync(
        AllReduceOptions options, string transport, int ranks, string reduction,
        CancellationToken cancellation)
    {
        LineProgram Program(int rank) => LineProgram.Self(
            $"rank {rank}",
            [
                "bench", "rank", "--supervised", "--transport", transport, "--rank", $"{rank}",
                "--reduction", reduction, "--capacity", $"{options.Sizes.Max()}",
                "--listen", options.Hosts.Count > 0 ? options.Hosts[rank] : "127.0.0.1:0",
            ]).Behind(options.Launcher, rank);

        var group = new RankGroup("ours", Start(ranks, Program));
        return await group.GuardAsync(async () =>
        {
            string[] contacts = await group.ReadAllAsync("ready", cancellation);
            await group.AskAllAsync(
                $"open {string.Join(' ', contacts)}", "opened", cancellation);
        });
    }

    public static async Task<RankGroup> StartGlooAsync(
        AllReduceOptions options, int ranks, CancellationToken cancellation)
    {
        string folder = Directory.CreateTempSubdirectory("distributed-bench-").FullName;
        var environment = new Dictionary<string, string> { ["OMP_NUM_THREADS"] = "1" };
        // Gloo would else take the address of the host's name, which may lead nowhere.
        if (options.Hosts.Count == 0)
            environment["GLOO_SOCKET_IFNAME"] = "lo";
        LineProgram Program(int rank) => new LineProgram(
            $"gloo's rank {rank}",
            [
                Peers.Python!, Peers.SourceOf("gloo_all_reduce.py"), $"{rank}", $"{ranks}",
                Path.Combine(folder, "store"), $"{options.Sizes.Max()}",
            ],
            environment).Behind(options.Launcher, rank);

        var group = new RankGroup(Peers.Gloo, Start(ranks, Program), folder);
        return await group.GuardAsync(() => group.ReadAllAsync("ready", cancellation));
    }

    public static async Task<RankGroup> StartOpenMpiAsync(
        AllReduceOptions options, string transport, int ranks, CancellationToken cancellation)
    {
        string[] path = transport == "shm"
            ? ["--mca", "btl", "self,vader"]
            : ["--mca", "btl", "self,tcp", "--mca", "btl_tcp_if_include", "lo"];
        var program = new LineProgram(
            "mpirun",
            [
                "mpirun", "--oversubscribe", "--allow-run-as-root", "--bind-to", "none",
                "--mca", "pml", "ob1", .. path, "-np", $"{ranks}", Peers.CompiledMpi(),
                $"{options.Sizes.Max()}",
            ]);
        var group = new RankGroup(Peers.OpenMpi, [LineProcess.Start(program)]);
        return await group.GuardAsync(() => group.ReadAllAsync("ready", cancellation));
    }

    /// <summary>The milliseconds of each iteration on its slowest rank.</summary>
    public async Task<double[]> RunAsync(
        long bytes, int iterations, CancellationToken cancellation)
    {
        string[] answers = await AskAllAsync($"run {bytes} {iterations}", "done", cancellation);
        var slowest = new double[iterations];
        foreach (string answer in answers)
        {
            double[] times =
            [
                .. answer.Split(' ').Select(
                    time => double.Parse(time, CultureInfo.InvariantCulture) / 1e3),
            ];
            for (int iteration = 0; iteration < iterations; iteration++)
                slowest[iteration] = Math.Max(slowest[iteration], times[iteration]);
        }

        return slowest;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_processes.Select(process => process.DisposeAsync().AsTask()));
        if (_folder is not null)
            Directory.Delete(_folder, recursive: true);
    }

    private static LineProcess[] Start(int ranks, Func<int, LineProgram> program) =>
        [.. Enumerable.Range(0, ranks).Select(rank => LineProcess.Start(program(rank)))];

    private Task<string[]> ReadAllAsync(string word, CancellationToken cancellation) =>
        Task.WhenAll(_processes.Select(process => process.ReadAsync(word, cancellation)));

    private Task<string[]> AskAllAsync(
        string line, string word, CancellationToken cancellation) =>
        Task.WhenAll(_processes.Select(process => process.AskAsync(line, word, cancellation)));

    private async Task<RankGroup> GuardAsync(Func<Task> start)
    {
        try
        {
            await start();
            return this;
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }
}
