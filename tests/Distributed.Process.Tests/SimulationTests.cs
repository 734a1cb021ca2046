using System.Text.Json;

namespace Distributed.Process.Tests;

/// <summary>The command `sim` of the real program.</summary>
[Collection(ProcessCollection.Name)]
public sealed class SimulationTests(Workplace workplace)
{
    /// <summary>
    /// Hash codes and addresses differ between processes: nothing of them may reach a history.
    /// </summary>
    [Fact]
    public void Two_processes_simulate_the_same_histories()
    {
        string[] words =
            ["sim", "--seeds", "1..20", "--nodes", "6", "--hours", "0.1"];
        using CommandRun first = CommandRun.Start(workplace, words);
        using CommandRun second = CommandRun.Start(workplace, [.. words, "--jobs", "1"]);

        IReadOnlyList<string> lines = first.Finish().Expect(0).Output;

        Assert.Equal(lines, second.Finish().Expect(0).Output);
        Assert.Equal(20, lines.Count);
        for (int index = 0; index < lines.Count; index++)
        {
            JsonElement line = JsonDocument.Parse(lines[index]).RootElement;
            Assert.Equal(
                [
                    "seed", "nodes", "simulated_seconds", "events", "faults", "steps",
                    "trace_hash", "violations",
                ],
                line.EnumerateObject().Select(property => property.Name));
            Assert.Equal(index + 1, line.GetProperty("seed").GetInt32());
            Assert.Equal(0, line.GetProperty("violations").GetInt32());
        }
    }
}
