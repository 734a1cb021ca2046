using System.Text.RegularExpressions;
using Distributed.Cluster.Coordination;

namespace Distributed.Simulation.Tests;

/// <summary>
/// Goal: what the checks of pauses and scaling say covers what can be ordered. Method: histories
/// are run, and every kind of order and what comes of it is looked for in what happened.
/// </summary>
public sealed partial class OrderHistoryTests
{
    private const ulong Seeds = 40;

    [Fact]
    public void HistoriesHaveEveryOrderAndWhatComesOfIt()
    {
        var seen = new SortedDictionary<string, int>(StringComparer.Ordinal);
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            SimulationReport report = Simulation.Run(Histories.Short(seed), line =>
            {
                Match match = Interesting().Match(line);
                if (match.Success)
                    seen[match.Groups[1].Value] = seen.GetValueOrDefault(match.Groups[1].Value) + 1;
            });
            Assert.True(report.Violation is null, $"seed {seed}: {report.Violation}");
        }

        string[] expected =
        [
            .. typeof(ClusterOrder).Assembly.GetTypes()
                .Where(kind => kind.BaseType == typeof(ClusterOrder))
                .Select(kind => kind.Name),
            nameof(JobPaused), nameof(JobResumed), nameof(JobScaled), nameof(Benched),
            nameof(LeaveOrdered),
        ];
        Assert.Equal([], expected.Where(what => !seen.ContainsKey(what)));
        // A pause that nobody takes back would hide what comes after it.
        Assert.InRange(seen[nameof(JobResumed)], seen[nameof(JobPaused)] * 3 / 4, int.MaxValue);
    }

    [GeneratedRegex(
        @" (?:wants|tells|tells [0-9a-f]{16}|stored by .* in term \d+:) "
        + @"((?:Pause|Resume|Scale|Checkpoint)Job|(?:Leave|Down|Bench|Unbench)Worker"
        + @"|DownUnreachable|Job(?:Paused|Resumed|Scaled)|Benched|LeaveOrdered) \{")]
    private static partial Regex Interesting();
}
