using System.Text.Json;

namespace Distributed.Cli.Nodes;

/// <summary>
/// Where a coordinator is reached: what its process says once, in a line of JSON on standard
/// output, when it listens everywhere.
/// </summary>
/// <param name="Address">host:port for workers and commands.</param>
/// <param name="Pbm">host:port for pbm.</param>
/// <param name="Dashboard">The page's URL.</param>
/// <param name="Metrics">The URL for Prometheus; empty where it is off.</param>
internal sealed record ListeningNode(string Address, string Pbm, string Dashboard, string Metrics)
{
    /// <summary>Whether its ports answer to the cluster's token alone. It does not say so itself:
    /// who has started it knows.</summary>
    public bool AsksForToken { get; init; }

    public string ToJson() => JsonSerializer.Serialize(new
    {
        @event = "listening",
        address = Address,
        pbm = Pbm,
        dashboard = Dashboard,
        metrics = Metrics,
    });

    /// <exception cref="JsonException">It is no such line.</exception>
    public static ListeningNode Parse(string line)
    {
        using JsonDocument said = JsonDocument.Parse(line);
        string Text(string name) => said.RootElement.TryGetProperty(name, out JsonElement value)
            ? value.GetString() ?? ""
            : throw new JsonException($"the line has no {name}");
        return new ListeningNode(
            Text("address"), Text("pbm"), Text("dashboard"), Text("metrics"));
    }

    /// <summary>For the one that takes its place.</summary>
    public IReadOnlyList<string> PortSettings() =>
    [
        "--set", $"pbm.port={PortOf(Pbm)}", "--set", $"dashboard.port={new Uri(Dashboard).Port}",
        .. Metrics.Length > 0
            ? ["--set", $"metrics.port={new Uri(Metrics).Port}"]
            : Array.Empty<string>(),
    ];

    /// <summary>Of host:port.</summary>
    public static string PortOf(string address) => address[(address.LastIndexOf(':') + 1)..];
}
