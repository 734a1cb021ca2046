using System.Runtime.CompilerServices;
using System.Text.Json;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;

namespace Distributed.Cluster.Tests.Configuration;

/// <summary>
/// Goal: the settings come from where the documentation says, the later source wins, and a mistake
/// is named with its place and the nearest right key.
/// </summary>
public sealed class ClusterSettingsTests
{
    private const string EveryKey = """
        remote { hostname = h, port = 1, public-hostname = p, public-port = 2 }
        cluster {
          seed-nodes = ["a:1", "akka.tcp://system@b:2"], roles = [r], min-nr-of-members = 3
          role { "r.1".min-nr-of-members = 13, q.min-nr-of-members = 14 }
          failure-detector {
            heartbeat-interval = 1s, threshold = 12, max-sample-size = 4
            min-std-deviation = 5ms, acceptable-heartbeat-pause = 6s
          }
        }
        coordination {
          store = s.db, lease { heartbeat-timeout = 9s, heartbeat-interval = 3s }
        }
        coordinated-shutdown.default-phase-timeout = 15s
        training {
          suspend-timeout = 16s, rebalance-gain = 0.17
          runs-folder = f, termination-grace = 7s, min-workers = 8
        }
        worker {
          host = h2, slots = 10, slots-per-device = 3, first-slot = 5, threads-per-worker = 11
          device = "CUDA:3"
        }
        pbm { host = q, port = 12 }
        dashboard { host = d, port = 15 }
        metrics { host = m, port = 18 }
        telemetry {
          otlp { endpoint = "http://c:4317", protocol = http }, trace-every-steps = 19
        }
        security { token-file = t, tls { certificate = c, key = k, authority = a } }
        loglevel = debug
        log-format = JSON
        """;

    private static readonly SecuritySettings EveryFile = new()
    {
        TokenFile = "t",
        Tls = new() { Certificate = "c", Key = "k", Authority = "a" },
    };

    /// <summary>The file that the repository ships.</summary>
    public static string FileText { get; } = File.ReadAllText(RootFile());

    /// <summary>
    /// Goal: the file teaches what the code does. Method: read it, compare with the code's
    /// defaults, and see that it has every key and no other.
    /// </summary>
    [Fact]
    public void TheFileHoldsTheDefaults()
    {
        Assert.Equal(Text(new ClusterSettings()), Text(Read(FileText)));
        Assert.Equal(Text(new ClusterSettings()), Text(Read("")));
        var config = HoconConfig.Parse(FileText, "cluster.hocon");
        var keys = ClusterSettingsReader.Keys.Where(
            key => !key.Contains(SettingsSource.AnyName, StringComparison.Ordinal)).ToList();
        Assert.All(keys, key => Assert.NotNull(config.Find(key)));
        Assert.Equal(keys, Leaves(config.Root, ""));
    }

    [Fact]
    public void EveryKeyIsRead()
    {
        var settings = Read(EveryKey);
        var expected = new ClusterSettings
        {
            Remote = new() { Hostname = "h", Port = 1, PublicHostname = "p", PublicPort = 2 },
            Cluster = new()
            {
                SeedNodes = ["a:1", "b:2"],
                Roles = ["r"],
                MinNrOfMembers = 3,
                RoleMinimums = new SortedDictionary<string, int> { ["r.1"] = 13, ["q"] = 14 },
                FailureDetector = new()
                {
                    HeartbeatInterval = TimeSpan.FromSeconds(1),
                    Threshold = 12,
                    MaxSampleSize = 4,
                    MinStdDeviation = TimeSpan.FromMilliseconds(5),
                    AcceptableHeartbeatPause = TimeSpan.FromSeconds(6),
                },
            },
            Coordination = new()
            {
                Store = "s.db",
                Lease = new()
                {
                    HeartbeatTimeout = TimeSpan.FromSeconds(9),
                    HeartbeatInterval = TimeSpan.FromSeconds(3),
                },
            },
            Shutdown = new() { DefaultPhaseTimeout = TimeSpan.FromSeconds(15) },
            Training = new()
            {
                SuspendTimeout = TimeSpan.FromSeconds(16),
                RebalanceGain = 0.17,
                RunsFolder = "f",
                TerminationGrace = TimeSpan.FromSeconds(7),
                MinWorkers = 8,
            },
            Worker = new()
            {
                Host = "h2",
                Slots = 10,
                SlotsPerDevice = 3,
                FirstSlot = 5,
                ThreadsPerWorker = 11,
                Device = new(DeviceKind.Cuda, 3),
            },
            Pbm = new() { Host = "q", Port = 12 },
            Dashboard = new() { Host = "d", Port = 15 },
            Metrics = new() { Host = "m", Port = 18 },
            Telemetry = new()
            {
                Otlp = new() { Endpoint = "http://c:4317", Protocol = OtlpProtocol.Http },
                TraceEverySteps = 19,
            },
            Security = EveryFile,
            LogLevel = LogLevel.Debug,
            LogFormat = LogFormat.Json,
        };
        Assert.Equal(Text(expected), Text(settings));
        Assert.Null(Read("metrics.port = off").Metrics.Port);
    }

    [Fact]
    public void TheLaterSourceWins()
    {
        const string file = "cluster.failure-detector { threshold = 9, max-sample-size = 10 }\n"
            + "cluster.min-nr-of-members = 2, my-roles = [a, b], cluster.roles = ${my-roles}";
        var settings = Read(
            file,
            [("CLUSTER__FAILURE_DETECTOR__THRESHOLD", "10"), ("CLUSTER__MIN_NR_OF_MEMBERS", "3"),
                ("HOME", "/home/ada"), ("cluster__roles", "ignored"), ("OTHER__THING", "1")],
            "cluster.min-nr-of-members=4", "cluster.min-nr-of-members=5",
            "training.runs-folder=${HOME}/runs");
        Assert.Equal(10, settings.Cluster.FailureDetector.Threshold);
        Assert.Equal(10, settings.Cluster.FailureDetector.MaxSampleSize);
        Assert.Equal(5, settings.Cluster.MinNrOfMembers);
        Assert.Equal("/home/ada/runs", settings.Training.RunsFolder);
        Assert.Equal(["a", "b"], settings.Cluster.Roles);
    }

    [Fact]
    public void AkkaSpellingsMeanTheSame()
    {
        var settings = Read(
            "akka { loglevel = WARNING, actor.provider = x\n remote.dot-netty.tcp.port = 7 }\n"
            + "akka.cluster.roles = [x], petabridge.cmd.port = 8",
            [("AKKA__CLUSTER__MIN_NR_OF_MEMBERS", "2"), ("CLUSTER__ROLES", "y")],
            "akka.remote.hostname=0.0.0.0");
        Assert.Equal(LogLevel.Warning, settings.LogLevel);
        Assert.Equal(7, settings.Remote.Port);
        Assert.Equal("0.0.0.0", settings.Remote.Hostname);
        Assert.Equal(8, settings.Pbm.Port);
        Assert.Equal(2, settings.Cluster.MinNrOfMembers);
        Assert.Equal(["y"], settings.Cluster.Roles);
    }

    [Fact]
    public void ARolesMinimumComesFromEverySource()
    {
        var minimums = Read(
            "cluster.role { x { min-nr-of-members = 2 }, \"a.b\".min-nr-of-members = 3 }\n"
            + "cluster.role.y.min-nr-of-members = null",
            [("CLUSTER__ROLE__GPU__MIN_NR_OF_MEMBERS", "4")],
            "akka.cluster.role.x.min-nr-of-members=5",
            "cluster.role.\"c.d\".min-nr-of-members=6").Cluster.RoleMinimums;
        Assert.Equal(
            [KeyValuePair.Create("a.b", 3), KeyValuePair.Create("c.d", 6),
                KeyValuePair.Create("gpu", 4), KeyValuePair.Create("x", 5)],
            minimums);
    }

    [Fact]
    public void ALeaseMayBeRenewedThriceInItsTimeOut() => Assert.Equal(
        TimeSpan.FromSeconds(1),
        Read("coordination.lease { heartbeat-timeout = 3s, heartbeat-interval = 1s }")
            .Coordination.Lease.HeartbeatInterval);

    [Fact]
    public void ListsComeFromTheEnvironmentInThreeForms()
    {
        Assert.Equal(
            ["a:1", "b:2"],
            Read("", [("CLUSTER__SEED_NODES", "a:1, b:2")]).Cluster.SeedNodes);
        Assert.Equal(
            ["a:1", "b:2"],
            Read("", [("CLUSTER__SEED_NODES", """["a:1", "b:2"]""")]).Cluster.SeedNodes);
        Assert.Equal(
            ["a:1", "b:2"],
            Read("cluster.seed-nodes = [\"c:3\"]",
                [("CLUSTER__SEED_NODES__0", "a:1"), ("CLUSTER__SEED_NODES__1", "b:2")])
                .Cluster.SeedNodes);
    }

    [Fact]
    public void AnAutomaticPortDependsOnTheNode()
    {
        Assert.Equal(4053, Read("").Remote.ListenPort(isCoordinator: true));
        Assert.Equal(0, Read("").Remote.ListenPort(isCoordinator: false));
        Assert.Equal(0, Read("remote.port = 0").Remote.ListenPort(isCoordinator: true));
        Assert.Equal(9, Read("remote.port = 9").Remote.ListenPort(isCoordinator: false));
    }

    [Theory]
    [InlineData("cluster {\n failure-detector.treshold = 8 }",
        "cluster.hocon:2:30: unknown key cluster.failure-detector.treshold; "
        + "expected cluster.failure-detector.threshold, perhaps")]
    [InlineData("akka.cluster.rols = []", "unknown key akka.cluster.rols; expected cluster.roles")]
    [InlineData("clster.roles = []", "unknown key clster.roles; expected the section cluster")]
    [InlineData("cluster = 5", "unknown key cluster")]
    [InlineData("cluster.roles { a = 1 }", "unknown key cluster.roles.a")]
    [InlineData("loglevel = LOUD",
        "cluster.hocon:1:12: loglevel is \"LOUD\"; expected Off, Error, Warning, Info or Debug")]
    [InlineData("metrics.port = none", "metrics.port is \"none\"; expected an integer")]
    [InlineData("telemetry.otlp.endpoint = collector",
        "telemetry.otlp.endpoint is \"collector\"; expected a URL, such as http://127.0.0.1:4317")]
    [InlineData("telemetry.otlp.protocol = udp", "expected Grpc or Http")]
    [InlineData("worker.slots = 0", "worker.slots is 0; expected 1 to 1024")]
    [InlineData("worker.slots = two", "worker.slots is \"two\"; expected an integer")]
    [InlineData("worker.device = tpu", "expected auto, cpu, cuda or cuda:N")]
    [InlineData("remote.port = 70000", "remote.port is 70000; expected 0 to 65535")]
    [InlineData("remote.port = any", "remote.port is \"any\"; expected an integer")]
    [InlineData("remote.hostname = \"\"", "remote.hostname is empty")]
    [InlineData("security.tls.key = k", "security.tls.certificate is empty")]
    [InlineData("security.tls { certificate = c, key = k }", "security.tls.authority is empty")]
    [InlineData("cluster.seed-nodes = [host]",
        "cluster.seed-nodes is \"host\"; expected addresses as host:port")]
    [InlineData("cluster.seed-nodes = [\"h:0\"]", "expected addresses as host:port")]
    [InlineData("cluster.failure-detector.threshold = 0", "expected more than 0")]
    [InlineData("cluster.failure-detector.heartbeat-interval = 0s", "longer than 0")]
    [InlineData("cluster.failure-detector.heartbeat-interval = infinite", "a finite duration")]
    [InlineData("cluster.failure-detector.acceptable-heartbeat-pause = 50ms",
        "because one late heartbeat would count as a failure")]
    [InlineData("cluster.failure-detector.heartbeat-interval = 1s",
        "because one late heartbeat would count as a failure")]
    [InlineData("coordination.lease { heartbeat-timeout = 3s, heartbeat-interval = 1001ms }",
        "cluster.hocon:1:67: coordination.lease.heartbeat-interval is 00:00:01.0010000; expected "
        + "at most a third of the heartbeat-timeout of 00:00:03")]
    [InlineData("coordination.lease.heartbeat-timeout = 0.8s",
        "coordination.lease.heartbeat-interval is 00:00:00.3000000; expected at most a third")]
    [InlineData("coordination.sture = x", "expected coordination.store, perhaps")]
    [InlineData("coordinated-shutdown.default-phase-timeout = 0s", "longer than 0")]
    [InlineData("training.suspend-timeout = -1s", "longer than 0")]
    [InlineData("training.rebalance-gain = -0.1", "expected 0 or more, and less than 1")]
    [InlineData("training.rebalance-gain = 1", "expected 0 or more, and less than 1")]
    [InlineData("cluster.role.x.min-nr-of-members = 0",
        "cluster.hocon:1:36: cluster.role.x.min-nr-of-members is 0; expected 1 or more")]
    [InlineData("cluster.role.x.min-nr-of-member = 1",
        "unknown key cluster.role.x.min-nr-of-member; "
        + "expected cluster.role.<name>.min-nr-of-members, perhaps")]
    [InlineData("cluster.role.x.y.min-nr-of-members = 1",
        "unknown key cluster.role.x.y.min-nr-of-members")]
    [InlineData("cluster.role = x", "unknown key cluster.role")]
    [InlineData("akka.loglevel = INFO, loglevel = DEBUG",
        "cluster.hocon:1:34: loglevel is given as akka.loglevel too, at cluster.hocon:1:17")]
    public void AMistakeIsNamed(string text, string part) => Assert.Contains(
        part, Assert.Throws<HoconException>(() => Read(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("worker.slot=2",
        "--set worker.slot:1:1: unknown key worker.slot; expected worker.slots, perhaps")]
    [InlineData("worker.slots=x", "--set worker.slots:1:1: worker.slots is \"x\"")]
    [InlineData("worker.slots", "--set worker.slots:1:1: no '='; expected key=value")]
    [InlineData("=1", "an empty element in a key")]
    [InlineData("akka.0=1", "unknown key akka.0")]
    [InlineData("cluster.roles=[a", "--set cluster.roles:1:")]
    [InlineData("cluster.roles=[a] }, x = {", "--set cluster.roles:1:")]
    public void AMistakeOnTheCommandLineIsNamed(string argument, string part) => Assert.Contains(
        part, Assert.Throws<HoconException>(() => Read("", [], argument)).Message,
        StringComparison.Ordinal);

    [Fact]
    public void AMistakeInTheEnvironmentIsNamed() => Assert.Equal(
        "environment variable WORKER__SLOT:1:1: unknown key worker.slot; "
        + "expected worker.slots, perhaps",
        Assert.Throws<HoconException>(() => Read("", [("WORKER__SLOT", "1")])).Message);

    [Fact]
    public void AMissingFileIsAnErrorAndNoFileIsNot()
    {
        Assert.Equal(
            "absent.hocon:1:1: the file does not exist; "
            + "expected the path of a cluster configuration",
            Assert.Throws<HoconException>(
                () => ClusterSettingsReader.Read("absent.hocon", _ => null, [], [])).Message);
        Assert.Equal(
            Text(new ClusterSettings()),
            Text(ClusterSettingsReader.Read(null, _ => null, [], [])));
    }

    [Fact]
    public void NullTakesASettingBack() =>
        Assert.Equal(1, Read("worker.slots = 5, worker.slots = null").Worker.Slots);

    [Fact]
    public void SlotsMayFollowTheGpus() => Assert.Null(Read("worker.slots = auto").Worker.Slots);

    /// <summary>On the command line the colon needs no quotation marks.</summary>
    [Fact]
    public void OneGpuMayBeNamedOnTheCommandLine() => Assert.Equal(
        new DeviceRequest(DeviceKind.Cuda, 1),
        Read("", [], "worker.device=cuda:1").Worker.Device);

    private static ClusterSettings Read(
        string text, (string Name, string Value)[]? environment = null,
        params string[] overrides) =>
        ClusterSettingsReader.Read(
            "cluster.hocon", name => name == "cluster.hocon" ? text : null,
            (environment ?? []).Select(
                variable => KeyValuePair.Create(variable.Name, variable.Value)),
            overrides);

    // Records compare lists by reference; their text compares what is in them.
    private static string Text(ClusterSettings settings) => JsonSerializer.Serialize(settings);

    private static IEnumerable<string> Leaves(HoconObject holder, string prefix) =>
        holder.Fields.SelectMany(field => field.Value is HoconObject inner
            ? Leaves(inner, $"{prefix}{field.Key}.") : [prefix + field.Key]);

    private static string RootFile([CallerFilePath] string here = "")
    {
        var folder = Path.GetDirectoryName(here);
        while (folder is not null && !File.Exists(Path.Combine(folder, "cluster.hocon")))
        {
            folder = Path.GetDirectoryName(folder);
        }
        return Path.Combine(folder ?? ".", "cluster.hocon");
    }
}
