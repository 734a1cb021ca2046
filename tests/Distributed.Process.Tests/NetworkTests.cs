using System.Globalization;
using Xunit.Abstractions;

namespace Distributed.Process.Tests;

/// <summary>
/// A coordinator and two workers on hosts of their own, between which the network fails: host 0 has
/// the coordinator and the command, hosts 1 and 2 a worker each. Where such hosts cannot be made,
/// nothing is tested, and the output says why.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class NetworkTests(Workplace workplace, ITestOutputHelper output)
{
    private const string Port = "4053";

    private static readonly Lazy<string?> Obstacle = new(TestNetwork.Obstacle);

    /// <summary>The ways that fail, as FROM&gt;TO, and a seed.</summary>
    public static TheoryData<string, int> Failures()
    {
        string[] ways =
        [
            "2>0 0>2 2>1 1>2", // A worker is cut off from all.
            "2>0", // It hears the others, but is not heard by the coordinator.
            "0>2", // It is heard, but does not hear the coordinator.
            "1>2 2>1", // The workers lose each other, and nobody else anybody.
            "1>2",
            "0>1 1>0 0>2 2>0", // The coordinator is cut off.
        ];
        var failures = new TheoryData<string, int>();
        foreach (int seed in Chaos.Seeds(ordinary: 1, chaos: 5))
        {
            foreach (string way in ways.Take(Chaos.Times(1, ways.Length)))
                failures.Add(way, seed);
        }

        return failures;
    }

    /// <summary>Delays in milliseconds and lost frames of a thousand.</summary>
    public static TheoryData<int, int> Weathers() => Chaos.IsOn
        ? new() { { 2, 0 }, { 20, 0 }, { 0, 10 }, { 2, 20 } }
        : new() { { 2, 2 } };

    [Theory]
    [MemberData(nameof(Failures))]
    public void ARunOutlivesAFailureOfTheNetwork(string ways, int seed)
    {
        if (!CanTest())
            return;
        var random = new Random(seed);
        var figures = new Figures(
            $"network-{ways.Replace('>', '-').Replace(' ', '_')}-{seed}",
            $"the ways {ways} between coordinator (0) and workers (1, 2) cut for some seconds",
            output);
        using var network = new TestNetwork(3) { Delay = TimeSpan.FromMilliseconds(1) };
        using var cluster = new NetworkCluster(workplace, network);
        using DisturbedRun run = cluster.Submit(Recipe.LongCourseCnn);

        run.Command.WaitForStep(random.Next(5, Recipe.LongCourseCnn.Steps / 4));
        Moment cut = run.Now();
        foreach (string way in ways.Split(' '))
            network.Cut(way[0] - '0', way[2] - '0');
        Thread.Sleep(TimeSpan.FromSeconds(random.Next(3, Chaos.Times(4, 8))));
        Moment heal = run.Now();
        network.Heal();
        if (run.Command.FindArrival("recovered", from: cut.Line) is { } recovered)
            Note(figures, cut, recovered);
        Arrival? whole = run.NextGeneration(heal, workers => workers.Count == 2);
        if (whole is not null)
            figures.Add("whole_after_healing_ms", (whole.At - heal.At).TotalMilliseconds);

        run.FinishAsUndisturbed();
        figures.Write();
    }

    [Theory]
    [MemberData(nameof(Weathers))]
    public void ARunEndsOnASlowAndLossyNetwork(int delayMs, int lossPerMille)
    {
        if (!CanTest())
            return;
        using var network = new TestNetwork(3)
        {
            Delay = TimeSpan.FromMilliseconds(delayMs),
            Loss = lossPerMille / 1000.0,
        };
        using var cluster = new NetworkCluster(workplace, network);
        using DisturbedRun run = cluster.Submit(Recipe.CourseCnn);
        run.FinishAsUndisturbed();
    }

    private static void Note(Figures figures, Moment cut, Arrival recovered)
    {
        DateTimeOffset noticed = DateTimeOffset.Parse(
            recovered.Text("noticed"), CultureInfo.InvariantCulture);
        figures.Add("noticed_ms", (noticed - cut.At).TotalMilliseconds);
        figures.Add("next_step_ms", (recovered.At - cut.At).TotalMilliseconds);
    }

    private bool CanTest()
    {
        if (Obstacle.Value is null)
            return true;
        output.WriteLine($"NOT TESTED: {Obstacle.Value}");
        return false;
    }

    /// <summary>A coordinator on host 0 and workers on the others.</summary>
    private sealed class NetworkCluster : IDisposable
    {
        private static readonly string Seed = $"{TestNetwork.AddressOf(0)}:{Port}";

        private readonly Workplace _workplace;
        private readonly TestNetwork _network;
        private readonly List<CommandRun> _nodes = [];

        public NetworkCluster(Workplace workplace, TestNetwork network)
        {
            _workplace = workplace;
            _network = network;
            Start(
                0, "coordinator", $"remote.port={Port}",
                $"coordination.store={workplace.NewPath("network")}.db")
                .WaitForLine(_ => true, "its address");
            foreach (int host in new[] { 1, 2 })
            {
                Start(host, "worker", $"worker.name=host{host}", "remote.port=0")
                    .WaitForError("joined");
            }
        }

        /// <summary>
        /// Over gRPC: hosts that are one machine could share memory, which no network cuts.
        /// </summary>
        public DisturbedRun Submit(Recipe recipe) => DisturbedRun.Start(
            _workplace, recipe, ["--cluster", Seed, "--transport", "grpc"],
            arguments => _network.Start(_workplace, 0, arguments));

        public void Dispose()
        {
            foreach (CommandRun node in _nodes)
                node.Dispose();
        }

        private CommandRun Start(int host, string command, params string[] settings)
        {
            string[] all =
            [
                $"remote.hostname={TestNetwork.AddressOf(host)}",
                $"cluster.seed-nodes=[\"{Seed}\"]", .. settings,
            ];
            CommandRun node = _network.Start(
                _workplace, host,
                [command, .. all.SelectMany(setting => new[] { "--set", setting })]);
            _nodes.Add(node);
            return node;
        }
    }
}
