using System.Text.RegularExpressions;
using Distributed.Cluster.Sweeps;

namespace Distributed.Simulation.Tests;

/// <summary>
/// Goal: what the checks of sweeps say covers what can happen to them. Method: histories are run,
/// and every kind of decision and every kind of end is looked for among what they stored.
/// </summary>
public sealed partial class SweepHistoryTests
{
    private const ulong Seeds = 120;

    [Fact]
    public void HistoriesHaveEveryDecisionAndEveryEnd()
    {
        var seen = new SortedDictionary<string, int>(StringComparer.Ordinal);
        void Count(string what) => seen[what] = seen.GetValueOrDefault(what) + 1;
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            SimulationReport report = Simulation.Run(Histories.Short(seed), line =>
            {
                Match match = Stored().Match(line);
                if (!match.Success)
                    return;
                Count(match.Groups[1].Value);
                if (End().Match(line) is { Success: true } end)
                    Count(end.Groups[1].Value);
                if (line.Contains("TrialContinued", StringComparison.Ordinal)
                    && !line.Contains("Source = -1", StringComparison.Ordinal))
                    Count("takeover");
            });
            Assert.True(report.Violation is null, $"seed {seed}: {report.Violation}");
        }

        string[] expected =
        [
            .. typeof(SweepDecision).Assembly.GetTypes()
                .Where(kind => kind.BaseType == typeof(SweepDecision))
                .Select(kind => kind.Name),
            .. Enum.GetNames<TrialEnd>(), .. Enum.GetNames<LegEnd>(), "takeover",
        ];
        // Three breaks on one worker within minutes are too many to wait for.
        Assert.Equal(
            [], expected.Where(what => !seen.ContainsKey(what)).Except([nameof(WorkerBenched)]));
        Assert.True(seen[nameof(SweepEnded)] >= (int)Seeds / 8, $"{seen[nameof(SweepEnded)]}");
    }

    [GeneratedRegex(@"stored by .* in term \d+: (Sweep\w+|Trial\w+|Leg\w+|Worker\w+) \{")]
    private static partial Regex Stored();

    [GeneratedRegex(@"\bEnd = (\w+)")]
    private static partial Regex End();
}
