using System.Text.Json;

namespace Distributed.Process.Tests;

/// <summary>
/// `bench allreduce` of the real program: its ranks are processes that really reduce, and what it
/// prints are figures that belong together.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class BenchTests(Workplace workplace)
{
    [Theory]
    [InlineData("shm")]
    [InlineData("grpc")]
    public void Two_ranks_are_measured_and_printed(string transport)
    {
        string report = workplace.NewPath("bench") + ".html";

        CommandResult result = workplace.Run(
            "bench", "allreduce", "--ranks", "2,3", "--sizes", "64KiB,1MiB", "--rounds", "2",
            "--transport", transport, "--peers", "none", "--json", "--report", report);

        IReadOnlyList<string> lines = result.Expect(0).Output;
        Assert.Empty(result.Errors);
        Assert.Equal(4, lines.Count);
        foreach ((string line, int index) in lines.Select((line, index) => (line, index)))
        {
            JsonElement figure = JsonDocument.Parse(line).RootElement;
            int ranks = index < 2 ? 2 : 3;
            long bytes = index % 2 == 0 ? 1 << 16 : 1 << 20;
            Assert.Equal(transport, figure.GetProperty("transport").GetString());
            Assert.Equal(ranks, figure.GetProperty("ranks").GetInt32());
            Assert.Equal(bytes, figure.GetProperty("bytes").GetInt64());
            Assert.Equal("exact", figure.GetProperty("reduction").GetString());
            Assert.Equal(JsonValueKind.Null, figure.GetProperty("peer").ValueKind);
            double median = figure.GetProperty("median_ms").GetDouble();
            Assert.InRange(figure.GetProperty("p10_ms").GetDouble(), 1e-6, median);
            Assert.True(figure.GetProperty("p90_ms").GetDouble() >= median, line);
            double busGbps = 2.0 * (ranks - 1) / ranks * bytes / median / 1e6;
            Assert.InRange(
                figure.GetProperty("busbw_gbps").GetDouble(), busGbps * 0.999, busGbps * 1.001);
        }

        Assert.Contains("bench allreduce --ranks 2,3", File.ReadAllText(report));
    }

    /// <summary>No peer can be found on a path that leads nowhere.</summary>
    [Fact]
    public void A_peer_that_is_asked_for_and_missing_is_bad_usage()
    {
        using CommandRun run = CommandRun.Start(
            workplace,
            ["PATH=/nowhere", Repository.Program, "bench", "allreduce", "--peers", "openmpi"],
            "/usr/bin/env");

        string error = run.Finish().Expect(2).OnlyError();
        Assert.Contains("openmpi is not installed", error);
        Assert.Contains("--install-peers", error);
    }
}
