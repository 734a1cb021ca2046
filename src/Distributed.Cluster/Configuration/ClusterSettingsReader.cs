using System.Globalization;
using Distributed.Kernel;

namespace Distributed.Cluster.Configuration;

/// <summary>
/// Reads <see cref="ClusterSettings"/>. What is set later wins: the defaults, the file, environment
/// variables (<c>CLUSTER__FAILURE_DETECTOR__THRESHOLD</c>: two underscores for a dot, one for a
/// dash), then <c>--set key=value</c> in order.
/// </summary>
public static class ClusterSettingsReader
{
    private const string OverrideSource = "--set";
    private const string EnvironmentSource = "environment variable";
    private const string RoleMinimum =
        "cluster.role." + SettingsSource.AnyName + ".min-nr-of-members";
    private const string OtlpEndpoint = "telemetry.otlp.endpoint";
    private const string PhaseTimeout = "coordinated-shutdown.default-phase-timeout";

    /// <summary>
    /// Every key, in the order of <c>cluster.hocon</c>; <c>&lt;name&gt;</c> stands for any name.
    /// </summary>
    public static IReadOnlyList<string> Keys { get; } =
    [
        "remote.hostname", "remote.port", "remote.public-hostname", "remote.public-port",
        "cluster.seed-nodes", "cluster.roles", "cluster.min-nr-of-members",
        RoleMinimum,
        "cluster.failure-detector.heartbeat-interval",
        "cluster.failure-detector.threshold",
        "cluster.failure-detector.max-sample-size",
        "cluster.failure-detector.min-std-deviation",
        "cluster.failure-detector.acceptable-heartbeat-pause",
        "coordination.store",
        "coordination.lease.heartbeat-timeout", "coordination.lease.heartbeat-interval",
        PhaseTimeout,
        "training.runs-folder", "training.termination-grace", "training.min-workers",
        "training.suspend-timeout", "training.rebalance-gain",
        "worker.name", "worker.host", "worker.slots",
        "worker.slots-per-device", "worker.first-slot",
        "worker.threads-per-worker",
        "worker.device",
        "torch.folder",
        "pbm.host", "pbm.port",
        "dashboard.host", "dashboard.port",
        "metrics.host", "metrics.port",
        OtlpEndpoint, "telemetry.otlp.protocol", "telemetry.trace-every-steps",
        "security.token-file",
        "security.tls.certificate", "security.tls.key", "security.tls.authority",
        "loglevel", "log-format",
    ];

    /// <summary>
    /// The settings of a node. <paramref name="file"/> is the configuration file's path, or null
    /// for none (one that is named but missing is an error); <paramref name="readFile"/> answers a
    /// file's text or null; <paramref name="environment"/> is the process's environment;
    /// <paramref name="overrides"/> are texts as <c>key=value</c>.
    /// </summary>
    /// <exception cref="HoconException">Anything that cannot be used, with its place.</exception>
    public static ClusterSettings Read(
        string? file, Func<string, string?> readFile,
        IEnumerable<KeyValuePair<string, string>> environment, IReadOnlyList<string> overrides)
    {
        var document = file is null
            ? HoconDocument.Empty("defaults") : ReadDocument(file, readFile);
        var variables = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in environment)
        {
            variables[name] = value;
        }
        foreach (var (name, value) in variables)
        {
            if (KeyOfVariable(name) is { } key)
            {
                Override(document, key, value, $"{EnvironmentSource} {name}");
            }
        }
        foreach (var argument in overrides)
        {
            var equals = argument.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                throw new HoconException(
                    new HoconOrigin($"{OverrideSource} {argument}", 1, 1), "no '='", "key=value");
            }
            var key = argument[..equals].Trim();
            Override(document, key, argument[(equals + 1)..], $"{OverrideSource} {key}");
        }
        var config = document.Resolve(name => variables.GetValueOrDefault(name));
        return ReadSettings(new SettingsSource(config, IsOverride));
    }

    private static DeviceRequest ReadDevice(
        SettingsSource source, string key, DeviceRequest otherwise)
    {
        string text = source.Text(key, $"{otherwise}");
        return DeviceRequest.TryParse(text)
            ?? throw source.Wrong(key, $"\"{text}\"", DeviceRequest.Expected);
    }

    private static HoconDocument ReadDocument(string file, Func<string, string?> readFile)
    {
        var origin = new HoconOrigin(file, 1, 1);
        string? text;
        try
        {
            text = readFile(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new HoconException(
                origin, $"cannot read the file: {exception.Message}", "a readable file", exception);
        }
        return HoconDocument.Parse(
            text ?? throw new HoconException(
                origin, "the file does not exist", "the path of a cluster configuration"),
            file, readFile);
    }

    private static ClusterSettings ReadSettings(SettingsSource source)
    {
        source.RefuseUnknown(Keys);
        var defaults = new ClusterSettings();
        return new ClusterSettings
        {
            Remote = ReadRemote(source, defaults.Remote),
            Cluster = ReadMembership(source, defaults.Cluster),
            Coordination = ReadCoordination(source, defaults.Coordination),
            Shutdown = new ShutdownSettings
            {
                DefaultPhaseTimeout = source.Duration(
                    PhaseTimeout, defaults.Shutdown.DefaultPhaseTimeout),
            },
            Training = ReadTraining(source, defaults.Training),
            Worker = new WorkerSettings
            {
                Name = source.Text("worker.name", defaults.Worker.Name),
                Host = source.Text("worker.host", defaults.Worker.Host),
                Slots = source.Text("worker.slots", "") == "auto"
                    ? null
                    : source.Integer("worker.slots", 1, 1, 1024),
                SlotsPerDevice = source.Integer(
                    "worker.slots-per-device", defaults.Worker.SlotsPerDevice, 1, 64),
                FirstSlot = source.Integer(
                    "worker.first-slot", defaults.Worker.FirstSlot, 0, 1023),
                ThreadsPerWorker = source.Integer(
                    "worker.threads-per-worker", defaults.Worker.ThreadsPerWorker, 1, 1024),
                Device = ReadDevice(source, "worker.device", defaults.Worker.Device),
            },
            Torch = new TorchSettings
            {
                Folder = source.Text("torch.folder", defaults.Torch.Folder),
            },
            Pbm = new PbmSettings
            {
                Host = source.Text("pbm.host", defaults.Pbm.Host),
                Port = source.Integer("pbm.port", defaults.Pbm.Port, 0, ushort.MaxValue),
            },
            Dashboard = new DashboardSettings
            {
                Host = source.Text("dashboard.host", defaults.Dashboard.Host),
                Port = source.Integer(
                    "dashboard.port", defaults.Dashboard.Port, 0, ushort.MaxValue),
            },
            Metrics = ReadMetrics(source, defaults.Metrics),
            Telemetry = ReadTelemetry(source, defaults.Telemetry),
            Security = ReadSecurity(source, defaults.Security),
            LogLevel = Enum.Parse<LogLevel>(source.Word(
                "loglevel", defaults.LogLevel.ToString(), Enum.GetNames<LogLevel>())),
            LogFormat = Enum.Parse<LogFormat>(source.Word(
                "log-format", defaults.LogFormat.ToString(), Enum.GetNames<LogFormat>())),
        };
    }

    private static MetricsSettings ReadMetrics(SettingsSource source, MetricsSettings defaults)
    {
        var settings = new MetricsSettings
        {
            Host = source.Text("metrics.host", defaults.Host),
            Port = source.Text("metrics.port", "") == "off"
                ? null
                : source.Integer("metrics.port", defaults.Port!.Value, 0, ushort.MaxValue),
        };
        return settings.Host.Length > 0 ? settings : throw source.Wrong(
            "metrics.host", "empty", "the address to listen on (0.0.0.0 for all of them)");
    }

    private static TelemetrySettings ReadTelemetry(
        SettingsSource source, TelemetrySettings defaults)
    {
        string endpoint = source.Text(OtlpEndpoint, defaults.Otlp.Endpoint);
        bool isUrl = Uri.TryCreate(endpoint, UriKind.Absolute, out var url)
            && url.Scheme is "http" or "https";
        return endpoint.Length == 0 || isUrl
            ? new TelemetrySettings
            {
                Otlp = new OtlpSettings
                {
                    Endpoint = endpoint,
                    Protocol = Enum.Parse<OtlpProtocol>(source.Word(
                        "telemetry.otlp.protocol", defaults.Otlp.Protocol.ToString(),
                        Enum.GetNames<OtlpProtocol>())),
                },
                TraceEverySteps = source.Integer(
                    "telemetry.trace-every-steps", defaults.TraceEverySteps, 1, int.MaxValue),
            }
            : throw source.Wrong(
                OtlpEndpoint, $"\"{endpoint}\"", "a URL, such as http://127.0.0.1:4317");
    }

    private static SecuritySettings ReadSecurity(SettingsSource source, SecuritySettings defaults)
    {
        const string section = "security.tls.";
        var tls = new TlsSettings
        {
            Certificate = source.Text(section + "certificate", defaults.Tls.Certificate),
            Key = source.Text(section + "key", defaults.Tls.Key),
            Authority = source.Text(section + "authority", defaults.Tls.Authority),
        };
        var isOn = tls != defaults.Tls;
        foreach (var (key, file) in new[]
        {
            ("certificate", tls.Certificate), ("key", tls.Key), ("authority", tls.Authority),
        })
        {
            if (isOn && file.Length == 0)
            {
                throw source.Wrong(
                    section + key, "empty", "a PEM file, as the others of security.tls name one");
            }
        }
        return new SecuritySettings
        {
            TokenFile = source.Text("security.token-file", defaults.TokenFile),
            Tls = tls,
        };
    }

    private static RemoteSettings ReadRemote(SettingsSource source, RemoteSettings defaults)
    {
        var settings = new RemoteSettings
        {
            Hostname = source.Text("remote.hostname", defaults.Hostname),
            Port = source.Text("remote.port", "auto") == "auto"
                ? null : source.Integer("remote.port", 0, 0, ushort.MaxValue),
            PublicHostname = source.Text("remote.public-hostname", defaults.PublicHostname),
            PublicPort = source.Integer(
                "remote.public-port", defaults.PublicPort, 0, ushort.MaxValue),
        };
        return settings.Hostname.Length > 0 ? settings : throw source.Wrong(
            "remote.hostname", "empty", "the address to listen on (0.0.0.0 for all of them)");
    }

    private static MembershipSettings ReadMembership(
        SettingsSource source, MembershipSettings defaults)
    {
        const string seeds = "cluster.seed-nodes";
        return new MembershipSettings
        {
            SeedNodes = [.. source.Texts(seeds, defaults.SeedNodes)
                .Select(seed => SeedAddress(seed) ?? throw source.Wrong(
                    seeds, $"\"{seed}\"", "addresses as host:port"))],
            Roles = source.Texts("cluster.roles", defaults.Roles),
            MinNrOfMembers = source.Integer(
                "cluster.min-nr-of-members", defaults.MinNrOfMembers, 1, int.MaxValue),
            RoleMinimums = source.IntegersByName(RoleMinimum, 1, int.MaxValue),
            FailureDetector = ReadFailureDetector(source, defaults.FailureDetector),
        };
    }

    private static FailureDetectorSettings ReadFailureDetector(
        SettingsSource source, FailureDetectorSettings defaults)
    {
        const string section = "cluster.failure-detector.";
        const string pause = section + "acceptable-heartbeat-pause";
        var settings = new FailureDetectorSettings
        {
            HeartbeatInterval = source.Duration(
                section + "heartbeat-interval", defaults.HeartbeatInterval),
            Threshold = source.Number(section + "threshold", defaults.Threshold),
            MaxSampleSize = source.Integer(
                section + "max-sample-size", defaults.MaxSampleSize, 1, 1_000_000),
            MinStdDeviation = source.Duration(
                section + "min-std-deviation", defaults.MinStdDeviation),
            AcceptableHeartbeatPause = source.Duration(pause, defaults.AcceptableHeartbeatPause),
        };
        return settings.AcceptableHeartbeatPause >= settings.HeartbeatInterval
            ? settings
            : throw source.Wrong(
                pause, $"{settings.AcceptableHeartbeatPause}",
                $"at least the heartbeat-interval of {settings.HeartbeatInterval}, because one "
                + "late heartbeat would count as a failure");
    }

    private static CoordinationSettings ReadCoordination(
        SettingsSource source, CoordinationSettings defaults)
    {
        const string interval = "coordination.lease.heartbeat-interval";
        var lease = new LeaseSettings
        {
            HeartbeatTimeout = source.Duration(
                "coordination.lease.heartbeat-timeout", defaults.Lease.HeartbeatTimeout),
            HeartbeatInterval = source.Duration(interval, defaults.Lease.HeartbeatInterval),
        };
        return lease.HeartbeatInterval <= lease.HeartbeatTimeout / 3
            ? new CoordinationSettings
            {
                Store = source.Text("coordination.store", defaults.Store),
                Lease = lease,
            }
            : throw source.Wrong(
                interval, $"{lease.HeartbeatInterval}",
                $"at most a third of the heartbeat-timeout of {lease.HeartbeatTimeout}, because "
                + "one late renewal would cost the lease");
    }

    private static TrainingSettings ReadTraining(SettingsSource source, TrainingSettings defaults)
    {
        var settings = new TrainingSettings
        {
            RunsFolder = source.Text("training.runs-folder", defaults.RunsFolder),
            TerminationGrace = source.Duration(
                "training.termination-grace", defaults.TerminationGrace),
            MinWorkers = source.Integer(
                "training.min-workers", defaults.MinWorkers, 1, int.MaxValue),
            SuspendTimeout = source.Duration(
                "training.suspend-timeout", defaults.SuspendTimeout),
            RebalanceGain = source.Fraction("training.rebalance-gain", defaults.RebalanceGain),
        };
        return settings.RunsFolder.Length > 0 ? settings : throw source.Wrong(
            "training.runs-folder", "empty", "the folder that run folders are made in");
    }

    // host:port; Akka's akka.tcp://system@host:port is read too.
    private static string? SeedAddress(string text)
    {
        var at = text.IndexOf('@', StringComparison.Ordinal);
        var address = text.Contains("://", StringComparison.Ordinal) && at > 0
            ? text[(at + 1)..] : text;
        var colon = address.LastIndexOf(':');
        return colon > 0 && !address.Contains('/', StringComparison.Ordinal)
            && ushort.TryParse(
                address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture,
                out var port)
            && port > 0
            ? address : null;
    }

    private static bool IsOverride(string source) =>
        source.StartsWith(OverrideSource + " ", StringComparison.Ordinal)
        || source.StartsWith(EnvironmentSource + " ", StringComparison.Ordinal);

    private static void Override(HoconDocument document, string key, string value, string source)
    {
        var path = HoconPath.Parse(key, source);
        var canonical = SettingsSource.Canonical(HoconPath.Render(path));
        if (!SettingsSource.IsKnown(canonical, Keys))
        {
            throw SettingsSource.Unknown(new HoconOrigin(source, 1, 1), key, canonical, Keys);
        }
        document.Override(HoconPath.Parse(canonical, source), value, source);
    }

    // Only variables that name one of our sections are looked at: the environment is shared.
    private static string? KeyOfVariable(string name)
    {
        var key = name.Replace("__", ".", StringComparison.Ordinal)
            .Replace('_', '-').ToLowerInvariant();
        var isOurs = !name.Any(char.IsAsciiLetterLower)
            && (key is "loglevel" or "log-format" || (key.Contains('.', StringComparison.Ordinal)
                && Keys.Any(known => SettingsSource.Canonical(key).StartsWith(
                    known.Split('.')[0] + ".", StringComparison.Ordinal))));
        return isOurs ? key : null;
    }
}
