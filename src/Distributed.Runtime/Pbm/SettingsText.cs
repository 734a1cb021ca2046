using System.Globalization;
using System.Text.Json.Nodes;
using Distributed.Cluster.Configuration;
using Distributed.Runtime.Store;

namespace Distributed.Runtime.Pbm;

/// <summary>A node's settings as <c>cluster.hocon</c> would have them, without secrets.</summary>
internal static class SettingsText
{
    public static IEnumerable<(string Key, JsonNode? Value)> Entries(ClusterSettings settings)
    {
        RemoteSettings remote = settings.Remote;
        MembershipSettings cluster = settings.Cluster;
        FailureDetectorSettings detector = cluster.FailureDetector;
        TrainingSettings training = settings.Training;
        yield return ("remote.hostname", remote.Hostname);
        yield return ("remote.port", remote.Port is { } port ? port : "auto");
        yield return ("remote.public-hostname", remote.PublicHostname);
        yield return ("remote.public-port", remote.PublicPort);
        yield return ("cluster.seed-nodes", List(cluster.SeedNodes));
        yield return ("cluster.roles", List(cluster.Roles));
        yield return ("cluster.min-nr-of-members", cluster.MinNrOfMembers);
        foreach ((string role, int least) in cluster.RoleMinimums)
            yield return ($"cluster.role.{role}.min-nr-of-members", least);
        const string section = "cluster.failure-detector.";
        yield return (section + "heartbeat-interval", Duration(detector.HeartbeatInterval));
        yield return (section + "threshold", detector.Threshold);
        yield return (section + "max-sample-size", detector.MaxSampleSize);
        yield return (section + "min-std-deviation", Duration(detector.MinStdDeviation));
        yield return (
            section + "acceptable-heartbeat-pause", Duration(detector.AcceptableHeartbeatPause));
        yield return ("coordination.store", StoreLocation.Shown(settings.Coordination.Store));
        LeaseSettings lease = settings.Coordination.Lease;
        yield return ("coordination.lease.heartbeat-timeout", Duration(lease.HeartbeatTimeout));
        yield return ("coordination.lease.heartbeat-interval", Duration(lease.HeartbeatInterval));
        yield return (
            "coordinated-shutdown.default-phase-timeout",
            Duration(settings.Shutdown.DefaultPhaseTimeout));
        yield return ("training.runs-folder", training.RunsFolder);
        yield return ("training.termination-grace", Duration(training.TerminationGrace));
        yield return ("training.min-workers", training.MinWorkers);
        yield return ("training.suspend-timeout", Duration(training.SuspendTimeout));
        yield return ("training.rebalance-gain", training.RebalanceGain);
        yield return ("pbm.host", settings.Pbm.Host);
        yield return ("pbm.port", settings.Pbm.Port);
        yield return ("loglevel", settings.LogLevel.ToString().ToUpperInvariant());
    }

    private static JsonArray List(IEnumerable<string> values) =>
        [.. values.Select(value => JsonValue.Create(value))];

    private static string Duration(TimeSpan time) =>
        time.TotalSeconds >= 1 && time.Milliseconds == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0}s")
            : string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.###}ms");
}
