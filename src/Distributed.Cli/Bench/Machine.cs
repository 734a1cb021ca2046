using System.Runtime.InteropServices;

namespace Distributed.Cli.Bench;

/// <summary>What a figure depends on besides the code: the machine it was measured on.</summary>
internal static class Machine
{
    public static IReadOnlyList<(string Name, string Value)> Describe(bool withPeers)
    {
        var facts = new List<(string, string)>
        {
            ("Processor", ProcessorName()),
            ("Cores", $"{Environment.ProcessorCount}"),
            ("Memory", Figures.Bytes(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)),
            ("Kernel", $"{RuntimeInformation.OSDescription}, {Congestion()}"),
            (".NET", RuntimeInformation.FrameworkDescription),
            ("Commit", Nodes.ProgramVersion.Commit is { Length: > 0 } commit ? commit : "unknown"),
        };
        if (withPeers)
            facts.AddRange(Peers.Describe().Select(line => ("Peer", line)));
        return facts;
    }

    private static string ProcessorName()
    {
        const string file = "/proc/cpuinfo";
        string? line = File.Exists(file)
            ? File.ReadLines(file).FirstOrDefault(
                line => line.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line is null
            ? $"{RuntimeInformation.ProcessArchitecture}"
            : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }

    private static string Congestion()
    {
        const string file = "/proc/sys/net/ipv4/tcp_congestion_control";
        return File.Exists(file) ? $"TCP with {File.ReadAllText(file).Trim()}" : "";
    }
}
