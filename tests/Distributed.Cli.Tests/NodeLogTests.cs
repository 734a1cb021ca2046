using System.Text.Json;
using Distributed.Cli.Nodes;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;
using Distributed.Runtime.Observers;

namespace Distributed.Cli.Tests;

public sealed class NodeLogTests
{
    private static readonly DateTimeOffset Noon =
        new(2026, 11, 26, 12, 0, 0, 250, TimeSpan.Zero);

    [Fact]
    public void ATextLineIsTimeLevelSourceAndText() => Assert.Equal(
        "2026-11-26T12:00:00.250Z INFO /user/worker joined the cluster at 127.0.0.1:4053\n",
        Written(new ClusterSettings(), Record("joined the cluster at 127.0.0.1:4053")));

    /// <summary>Goal: a name that comes over the network writes no line of its own.</summary>
    [Fact]
    public void NoNameBeginsALineOrMovesTheCursor()
    {
        string sly = "worker a\r\n2026-11-26T12:00:00.250Z INFO /user all is well\u001B[2J\u2028";
        Assert.Equal(
            "2026-11-26T12:00:00.250Z INFO /user/worker worker a\\r\\n"
            + "2026-11-26T12:00:00.250Z INFO /user all is well\\u001b[2J\\u2028\n",
            Written(new ClusterSettings(), Record(sly)));
        string[] lines = Written(
            new ClusterSettings(), Record("failed", new InvalidOperationException(sly)))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("  2026", lines[1]);
    }

    [Fact]
    public void AJsonLineIsOneObjectWithWhatTheActorIsAt()
    {
        string line = Written(
            new ClusterSettings { LogFormat = LogFormat.Json },
            Record("a \"b\"\nc", new InvalidOperationException("no")) with
            {
                Fields = [new("job", "000000000000000a"), new("generation", 2), new("step", 7L)],
            });

        Assert.EndsWith("\n", line);
        Assert.Single(line.TrimEnd('\n').Split('\n'));
        JsonElement json = JsonDocument.Parse(line).RootElement;
        Assert.Equal(
            ["time", "level", "node", "source", "text", "job", "generation", "step", "exception"],
            json.EnumerateObject().Select(field => field.Name));
        Assert.Equal("2026-11-26T12:00:00.250Z", json.GetProperty("time").GetString());
        Assert.Equal("INFO", json.GetProperty("level").GetString());
        Assert.Equal("w0", json.GetProperty("node").GetString());
        Assert.Equal("a \"b\"\nc", json.GetProperty("text").GetString());
        Assert.Equal(2, json.GetProperty("generation").GetInt32());
        Assert.Equal(7, json.GetProperty("step").GetInt64());
    }

    [Fact]
    public void WhatIsBelowTheLevelIsNotWritten() => Assert.Equal(
        "", Written(new ClusterSettings { LogLevel = LogLevel.Warning }, Record("joined")));

    private static string Written(ClusterSettings settings, ActorLogRecord record)
    {
        var terminal = new FakeTerminal();
        Action<ActorLogRecord> log = NodeLog.To(
            terminal.Terminal, new LogThreshold(settings.LogLevel), settings.LogFormat, "w0");
        log(record);
        return terminal.Error;
    }

    private static ActorLogRecord Record(string text, Exception? exception = null) =>
        new(ActorLogLevel.Info, Noon, "/user/worker", text, exception);
}
