using System.Text.Json;

namespace Distributed.Process.Tests;

/// <summary>The inspection command line against a run of real processes.</summary>
[Collection(ProcessCollection.Name)]
public sealed class PbmTests(Workplace workplace)
{
    private const int Workers = 4;

    /// <summary>All commands that change nothing, with something that each answers.</summary>
    private static readonly (string Command, string Answer)[] Commands =
    [
        ("cluster show", "Count: 5 nodes"),
        ("cluster status", "[coordinator] | Up"),
        ("cluster leader", "127.0.0.1:"),
        ("cluster join", "./distributed worker --set 'cluster.seed-nodes="),
        ("actor hierarchy", "/user/coordinator/job-"),
        ("actor system", "messages handled"),
        ("log peek -n 1000", "is taken on"),
        ("log level", "info"),
        ("train list", "running"),
        ("train show", "logical shards"),
        ("sweep list", "there is no sweep"),
        ("worker list", "w3"),
        ("host uptime", "process"),
        ("host version", "runtime"),
        ("host config", "cluster.failure-detector.acceptable-heartbeat-pause = \"2s\""),
        ("help", "Palettes:"),
        ("worker help", "worker drain"),
    ];

    /// <summary>
    /// A worker that is killed is seen with the reason, though another takes its place at once; a
    /// stop that is ordered ends the run in order, and with it whoever still looks.
    /// </summary>
    [Fact]
    public void ARunIsInspectedAndAKilledWorkerSeen()
    {
        using CommandRun run = workplace.StartTraining(
            Recipe.VeryLongCourseCnn, workplace.NewPath("inspected"), Workers);
        string address = run.WaitForArrival("listening").Text("pbm");
        run.WaitForStep(3);
        foreach ((string command, string answer) in Commands)
            Assert.Contains(answer, Ask(address, command));

        using CommandRun membership = Start(address, "cluster", "tail", "-n", "100");
        membership.WaitForLine(line => line.Contains("MemberUp  w3"), "its beginning");
        using CommandRun log = Start(address, "log", "tail");
        using CommandRun steps = Start(address, "train", "tail", "--json");
        JsonEvents.Parse(steps.WaitForLine(line => line.Contains("\"step\""), "a step"));
        Arrival victim = run.WaitForArrival(
            "worker", up => up.GetProperty("worker").GetString() == "w2");
        Signals.Send((int)victim.Number("pid"), Signals.Kill);
        string lost = victim.Text("address");
        membership.WaitForLine(
            line => line.Contains("UnreachableMember  w2") && line.Contains(lost), "the loss");
        Assert.Contains(
            Ask(address, "cluster show").Split('\n'),
            line => line.StartsWith(lost) && IsReason(line));
        Assert.Contains(
            Ask(address, "worker list").Split('\n'),
            line => line.Contains(lost) && IsReason(line));

        CommandResult refused = Run(address, "train", "stop").Expect(2);
        Assert.Contains("with its state saved", refused.OnlyError());
        Run(address, "train", "stop", "--yes").Expect(0);
        Assert.Equal(130, run.Finish().ExitCode);
        Assert.Contains("stopped after step", string.Join('\n', steps.Finish().Output));
        Assert.Contains("connection to host terminated", log.Finish().Expect(1).OnlyError());
        Assert.Contains("nothing listens", Run(address, "cluster", "show").Expect(1).OnlyError());
    }

    /// <summary>
    /// In a terminal: completion, a tail that Ctrl-C ends without ending the session, a question
    /// that is answered, a file, and what is said when the node is gone.
    /// </summary>
    [Fact]
    public void ASessionInATerminal()
    {
        using CommandRun coordinator = workplace.Start(
            "coordinator", "--set", "remote.port=0");
        string first = coordinator.WaitForLine(_ => true, "its address");
        string address = JsonEvents.Parse(first).GetProperty("pbm").GetString()!;
        string file = workplace.NewPath("answer");
        using CommandRun session = CommandRun.Start(
            workplace,
            [
                "-qefc",
                // A shell that stays would tell of the Ctrl-C that its client lived through.
                $"exec env TERM=xterm XDG_STATE_HOME={workplace.NewPath("state")} {Repository.Pbm} "
                    + address,
                "/dev/null",
            ],
            "script");
        session.WaitForLine(line => line.Contains("connected to"), "a greeting");
        session.Type("clu\tsho\t\r");
        session.WaitForLine(line => line.Contains("Count: 1 nodes"), "the members");
        session.Type("log tail\r");
        session.WaitForLine(line => line.Contains("acts in term 1"), "the log");
        session.Type("\u0003");
        session.Type($"log level > {file}\r");
        session.Type("host version\r");
        session.WaitForLine(line => line.Contains("runtime"), "the version");
        Assert.Equal("info\n", File.ReadAllText(file));
        Signals.Send(coordinator.ProcessId, Signals.Interrupt);
        coordinator.Finish().Expect(0);
        session.Type("cluster show\r");
        session.WaitForLine(line => line.Contains("connection to host terminated."), "the loss");
        session.Wait().Expect(1);
    }

    private static bool IsReason(string line) =>
        line.Contains("its connection broke") || line.Contains("it has not come back");

    private CommandRun Start(string address, params string[] words) =>
        CommandRun.Start(workplace, [address, .. words], Repository.Pbm);

    private CommandResult Run(string address, params string[] words)
    {
        using CommandRun run = Start(address, words);
        return run.Finish();
    }

    /// <summary>What people are told, once it is sure that programs are told as much.</summary>
    private string Ask(string address, string command)
    {
        string[] words = command.Split(' ');
        if (!words.Contains("help"))
        {
            foreach (string line in Run(address, [.. words, "--json"]).Expect(0).Output)
                JsonDocument.Parse(line).Dispose();
        }

        CommandResult result = Run(address, words).Expect(0);
        Assert.Empty(result.Errors);
        return string.Join('\n', result.Output);
    }
}
