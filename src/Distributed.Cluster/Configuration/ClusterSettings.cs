using Distributed.Kernel;

namespace Distributed.Cluster.Configuration;

/// <summary>
/// Everything that <c>cluster.hocon</c> can say about a node. A new instance holds the defaults,
/// which are also written out, with comments, in the file at the root of the repository.
/// </summary>
public sealed record ClusterSettings
{
    public RemoteSettings Remote { get; init; } = new();

    public MembershipSettings Cluster { get; init; } = new();

    public CoordinationSettings Coordination { get; init; } = new();

    public ShutdownSettings Shutdown { get; init; } = new();

    public PbmSettings Pbm { get; init; } = new();

    public DashboardSettings Dashboard { get; init; } = new();

    public SecuritySettings Security { get; init; } = new();

    public TrainingSettings Training { get; init; } = new();

    public WorkerSettings Worker { get; init; } = new();

    public TorchSettings Torch { get; init; } = new();

    public MetricsSettings Metrics { get; init; } = new();

    public TelemetrySettings Telemetry { get; init; } = new();

    public LogLevel LogLevel { get; init; } = LogLevel.Info;

    public LogFormat LogFormat { get; init; } = LogFormat.Text;
}

/// <summary>Where a node listens, and under which address others reach it.</summary>
public sealed record RemoteSettings
{
    /// <summary>The port of a coordinator whose configuration names none.</summary>
    public const int CoordinatorPort = 4053;

    public string Hostname { get; init; } = "127.0.0.1";

    /// <summary>
    /// Null for <c>auto</c>: <see cref="CoordinatorPort"/> for a coordinator and any free port for
    /// a worker, so that one file serves both on one host. 0 is any free port.
    /// </summary>
    public int? Port { get; init; }

    /// <summary>The name to announce; empty for <see cref="Hostname"/>.</summary>
    public string PublicHostname { get; init; } = "";

    /// <summary>The port to announce; 0 for the one that is listened on.</summary>
    public int PublicPort { get; init; }

    /// <summary>The port to listen on; 0 for any free one.</summary>
    public int ListenPort(bool isCoordinator) => Port ?? (isCoordinator ? CoordinatorPort : 0);
}

/// <summary>Who belongs to the cluster, and when a node counts as lost.</summary>
public sealed record MembershipSettings
{
    /// <summary>
    /// Addresses as <c>host:port</c>; the first one listed forms the cluster, the others and all
    /// workers join it. Every node has the same list in the same order.
    /// </summary>
    public IReadOnlyList<string> SeedNodes { get; init; } =
        [$"127.0.0.1:{RemoteSettings.CoordinatorPort}"];

    public IReadOnlyList<string> Roles { get; init; } = [];

    /// <summary>Members that must have joined before any of them counts as Up.</summary>
    public int MinNrOfMembers { get; init; } = 1;

    /// <summary>
    /// The same for the members of a role, by the role's name; a role that is missing has none.
    /// </summary>
    public IReadOnlyDictionary<string, int> RoleMinimums { get; init; } =
        new SortedDictionary<string, int>(StringComparer.Ordinal);

    public FailureDetectorSettings FailureDetector { get; init; } = new();
}

/// <summary>
/// The phi-accrual detector. With the defaults a node that falls silent is suspected after about
/// 0.6 s, against 4.5 s with Akka's.
/// </summary>
public sealed record FailureDetectorSettings
{
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Phi above this is a failure; 8 is a mistake once in a hundred million beats.
    /// </summary>
    public double Threshold { get; init; } = 8.0;

    /// <summary>Intervals between heartbeats that are remembered.</summary>
    public int MaxSampleSize { get; init; } = 1000;

    /// <summary>The least spread that is assumed, so that a very regular peer is not condemned
    /// for a small delay.</summary>
    public TimeSpan MinStdDeviation { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Silence that is never counted against a node, such as a garbage collection.
    /// </summary>
    public TimeSpan AcceptableHeartbeatPause { get; init; } = TimeSpan.FromMilliseconds(400);
}

/// <summary>What coordinators share, so that another one can go on where one ended.</summary>
public sealed record CoordinationSettings
{
    /// <summary>
    /// What holds jobs and the lease: the path of an SQLite file on the host of all coordinators,
    /// or the URL or connection string of a PostgreSQL database, which may hold a password; empty
    /// for the file <c>cluster.db</c> in the runs folder.
    /// </summary>
    public string Store { get; init; } = "";

    public LeaseSettings Lease { get; init; } = new();
}

/// <summary>The lease in the store, by which at most one coordinator is in charge.</summary>
public sealed record LeaseSettings
{
    /// <summary>A lease that was not renewed for so long is free for another coordinator.</summary>
    public TimeSpan HeartbeatTimeout { get; init; } = TimeSpan.FromMilliseconds(1500);

    /// <summary>
    /// How often the holder renews its lease; at most a third of the time-out, so that two
    /// renewals may fail before it is lost.
    /// </summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(300);
}

/// <summary>How a node stops in order.</summary>
public sealed record ShutdownSettings
{
    /// <summary>How long a phase waits for its tasks before the next one begins.</summary>
    public TimeSpan DefaultPhaseTimeout { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>Where the inspection tool pbm is answered.</summary>
public sealed record PbmSettings
{
    public string Host { get; init; } = "127.0.0.1";

    public int Port { get; init; } = 9110;
}

/// <summary>Where a coordinator serves its web page.</summary>
public sealed record DashboardSettings
{
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>0 is any free port.</summary>
    public int Port { get; init; } = 9180;
}

/// <summary>Where a coordinator is asked for its metrics, in Prometheus's text format.</summary>
public sealed record MetricsSettings
{
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>Null where nobody is to ask; 0 is any free port.</summary>
    public int? Port { get; init; } = 9464;
}

/// <summary>What a node sends to others about itself.</summary>
public sealed record TelemetrySettings
{
    public OtlpSettings Otlp { get; init; } = new();

    /// <summary>
    /// Steps from one that is traced to the next; the first one of a generation is always traced.
    /// </summary>
    public int TraceEverySteps { get; init; } = 100;
}

/// <summary>An OpenTelemetry collector that metrics and traces are sent to.</summary>
public sealed record OtlpSettings
{
    /// <summary>
    /// A URL such as <c>http://host:4317</c>; empty sends nothing, unless the standard environment
    /// variable OTEL_EXPORTER_OTLP_ENDPOINT names one.
    /// </summary>
    public string Endpoint { get; init; } = "";

    public OtlpProtocol Protocol { get; init; } = OtlpProtocol.Grpc;
}

public enum OtlpProtocol
{
    Grpc,

    /// <summary>Protobuf over HTTP.</summary>
    Http,
}

/// <summary>
/// What every port of the cluster asks of its callers, and every caller brings along. With neither
/// a token nor certificates, ports are open to this host alone.
/// </summary>
public sealed record SecuritySettings
{
    /// <summary>A file with the token that all nodes and commands share; empty for none.</summary>
    public string TokenFile { get; init; } = "";

    public TlsSettings Tls { get; init; } = new();
}

/// <summary>PEM files of mutual TLS: all three are set, or none is.</summary>
public sealed record TlsSettings
{
    /// <summary>This node's certificate, then those between it and the authority.</summary>
    public string Certificate { get; init; } = "";

    /// <summary>The private key of the certificate, not encrypted.</summary>
    public string Key { get; init; } = "";

    /// <summary>The certificates of whoever signs those of the cluster's nodes.</summary>
    public string Authority { get; init; } = "";
}

/// <summary>What holds for every job of the cluster.</summary>
public sealed record TrainingSettings
{
    public string RunsFolder { get; init; } = "runs";

    /// <summary>How long a node that is told to stop may take to hand over its work.</summary>
    public TimeSpan TerminationGrace { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>With fewer workers a job waits.</summary>
    public int MinWorkers { get; init; } = 1;

    /// <summary>How long a worker may take to halt its step before it is ejected.</summary>
    public TimeSpan SuspendTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The least part of a step's time that a new division of the shards must be expected to save
    /// before shards move, such as 0.15 for 15 %; 0 for never.
    /// </summary>
    public double RebalanceGain { get; init; } = 0.15;
}

/// <summary>What one host offers as workers.</summary>
public sealed record WorkerSettings
{
    /// <summary>Shown to people; empty for one made of the host's name and the process.</summary>
    public string Name { get; init; } = "";

    /// <summary>
    /// Workers of one machine share memory with those of the same name here alone; empty is a name
    /// as any other. For workers that are to be kept apart, on one machine, as if on several.
    /// </summary>
    public string Host { get; init; } = "";

    /// <summary>
    /// Worker processes on this host, each with a device (or a share of the CPU). Null for
    /// <c>auto</c>: <see cref="SlotsPerDevice"/> for each GPU, and one where there is none.
    /// </summary>
    public int? Slots { get; init; } = 1;

    /// <summary>Where their number follows the GPUs: how many share one.</summary>
    public int SlotsPerDevice { get; init; } = 1;

    /// <summary>That of the first of them among the workers of the host: GPUs go round the
    /// slots.</summary>
    public int FirstSlot { get; init; }

    /// <summary>
    /// Threads that one worker computes with. They are part of a run's numerics: the same run with
    /// another number may differ in its last bits.
    /// </summary>
    public int ThreadsPerWorker { get; init; } = 1;

    /// <summary>What a worker computes on for runs whose spec leaves that to it, and which GPU
    /// for those that ask for any.</summary>
    public DeviceRequest Device { get; init; } = DeviceRequest.Auto;
}

/// <summary>The library that does the mathematics.</summary>
public sealed record TorchSettings
{
    /// <summary>
    /// The folder of the libtorch to use, with include/ and lib/, such as a PyTorch wheel's torch
    /// folder; empty to have one found. The variable LIBTORCH wins over it.
    /// </summary>
    public string Folder { get; init; } = "";
}

/// <summary>The least important messages that are written.</summary>
public enum LogLevel
{
    Off,
    Error,
    Warning,
    Info,
    Debug,
}

/// <summary>How a line of log is written.</summary>
public enum LogFormat
{
    Text,

    /// <summary>A JSON object a line.</summary>
    Json,
}
