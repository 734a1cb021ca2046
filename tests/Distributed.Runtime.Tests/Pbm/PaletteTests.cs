using System.Globalization;
using System.Text;
using System.Text.Json;
using Distributed.Cluster.Observers;

namespace Distributed.Runtime.Tests.Pbm;

/// <summary>What every command answers about a cluster that stands still, word by word.</summary>
public sealed class PaletteTests
{
    private const string Folder = "Pbm/Golden";

    /// <summary>Commands by palette; after a bar, how many items of a stream are taken.</summary>
    private static readonly Dictionary<string, string[]> Commands = new()
    {
        ["actor"] = ["hierarchy", "hierarchy depth=1", "hierarchy start=/user/nobody", "watch|2"],
        ["cluster"] =
        [
            "show", "status", "leader", "tail lines=3|3", "join", "leave", "leave worker=w0",
            "down worker=w2", "down", "down-unreachable",
        ],
        ["host"] = ["config"],
        ["log"] =
            ["peek", "peek level=error", "peek node=w0", "level", "level level=loud", "tail|1"],
        ["sweep"] =
        [
            "list", "show", "show sweep=abcd", "show sweep=nothing", "trials",
            "trials state=failed", "trials sort=objective", "pause", "resume", "stop", "retry",
            "retry trial=1", "retry trial=many",
        ],
        ["train"] =
        [
            "list", "list all=true", "show", "show job=early", "show job=5f4", "show job=later",
            "tail lines=2|3", "pause", "resume", "stop", "scale workers=5", "scale", "checkpoint",
            "checkpoint job=early",
        ],
        ["worker"] =
        [
            "list", "drain worker=w1", "drain", "bench worker=w0 reason=repair",
            "unbench worker=127.0.0.1:5001",
        ],
    };

    private static readonly string[] Destructive =
        ["leave", "down", "down-unreachable", "stop", "drain"];

    public static TheoryData<string> Palettes => [.. Commands.Keys];

    [Theory]
    [MemberData(nameof(Palettes))]
    public async Task AnswersAreAsTheyWereAgreed(string palette)
    {
        var answers = new StringBuilder();
        foreach (string command in Commands[palette])
        {
            await AskAsync(answers, $"{palette} {command}", json: false, plan: false);
            await AskAsync(answers, $"{palette} {command}", json: true, plan: false);
            if (Destructive.Contains(command.Split(' ')[0]))
                await AskAsync(answers, $"{palette} {command}", json: false, plan: true);
        }

        string folder = Path.Combine(AppContext.BaseDirectory, Folder);
        // Beside the expected one, to be compared and taken over.
        await File.WriteAllTextAsync(
            Path.Combine(folder, $"{palette}.actual.txt"), answers.ToString());
        Assert.Equal(
            await File.ReadAllTextAsync(Path.Combine(folder, $"{palette}.txt")),
            answers.ToString());
    }

    [Fact]
    public void NoCommandIsLeftOut() => Assert.Equal(
        Distributed.Runtime.Pbm.Palettes.All
            .SelectMany(palette => palette.Commands.Select(one => $"{palette.Name} {one.Name}"))
            .Order(StringComparer.Ordinal),
        Commands.SelectMany(palette => palette.Value.Select(
                command => $"{palette.Key} {command.Split(' ', '|')[0]}"))
            .Concat(["actor system", "host uptime", "host version"]).Distinct()
            .Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("host uptime", "uptime_seconds started address host process memory_bytes "
        + "processor_seconds model_version dropped")]
    [InlineData("host version", "version runtime system architecture processors")]
    public async Task TheProcessIsDescribed(string command, string names)
    {
        await using var cluster = new ShownCluster();
        using JsonDocument json = JsonDocument.Parse(await cluster.AskAsync(command, json: true));
        Assert.Equal(
            names,
            string.Join(' ', json.RootElement.EnumerateObject().Select(field => field.Name)));
        Assert.Contains("version", await cluster.AskAsync(command), StringComparison.Ordinal);
    }

    /// <summary>A node that stands by says who can be asked, and answers what is its own.</summary>
    [Fact]
    public async Task AStandbyAnswersForItselfAlone()
    {
        await using var cluster = new ShownCluster(acts: false);
        Assert.Equal("10.0.0.1:4053", await cluster.AskAsync("cluster leader"));
        Assert.Equal(
            "127.0.0.1:4053 | [coordinator, standby] | Up |  | 1.2.3",
            await cluster.AskAsync("cluster status"));
        Assert.StartsWith(
            "<Warning> 01:30:00.000 WARNING coordinator", await cluster.AskAsync("log peek"),
            StringComparison.Ordinal);
        string[] commands = ["cluster show", "train list", "sweep list", "worker list"];
        foreach (string command in commands)
        {
            Assert.Equal(
                "exit 1: this coordinator stands by, and the one at 10.0.0.1:4053 acts: ask that "
                + "one, at its own pbm.host and pbm.port (./pbm 10.0.0.1:9110 unless they were "
                + "changed)",
                await cluster.AskAsync(command));
        }
    }

    [Fact]
    public async Task AChoiceMayBeWrittenInCapitals()
    {
        await using var cluster = new ShownCluster();
        Assert.Equal(
            await cluster.AskAsync("sweep trials state=failed"),
            await cluster.AskAsync("sweep trials state=FAILED"));
    }

    /// <summary>Runs of one name follow each other: what happened to one is not told of
    /// another.</summary>
    [Fact]
    public async Task ATailTellsOfItsJobAlone()
    {
        await using var cluster = new ShownCluster();
        cluster.TellNamesake("its learning rate was absurd");
        string answer = await cluster.AskAsync("train tail job=77 lines=100");
        Assert.Contains("absurd", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("epoch 1", answer, StringComparison.Ordinal);
    }

    /// <summary>A job that was handed over goes on elsewhere: that is no end of it.</summary>
    [Fact]
    public async Task ATailSaysThatItsCoordinatorDoesNotActAnyMore()
    {
        await using var cluster = new ShownCluster();
        Task<string> tail = cluster.AskAsync(
            "train tail lines=0",
            onItem: () => cluster.Tell(new LeadershipObserved(0, "10.0.0.1:4053", "lost")));
        Assert.Contains("the one at 10.0.0.1:4053 acts", await tail, StringComparison.Ordinal);
    }

    /// <summary>What was fast before the job stood still is not fast now.</summary>
    [Fact]
    public async Task APausedJobHasNoSpeed()
    {
        await using var cluster = new ShownCluster();
        cluster.Pause();
        string answer = await cluster.AskAsync("train list", json: true);
        Assert.Contains("\"state\":\"paused: lunch\"", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("5120", answer, StringComparison.Ordinal);
    }

    /// <summary>What other processes have written reaches nobody's terminal as it came.</summary>
    [Fact]
    public async Task NoControlCharacterIsSent()
    {
        await using var cluster = new ShownCluster();
        string answer = await cluster.AskAsync("log peek");
        Assert.DoesNotContain(answer, letter => char.IsControl(letter) || letter == '\u202e');
        Assert.Contains(
            @"a name with \u001b[31mcolours\u001b[0m\r and \u202eturned\u202c", answer,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(80)]
    [InlineData(120)]
    [InlineData(200)]
    public async Task TablesFitTheTerminal(int width)
    {
        await using var cluster = new ShownCluster();
        string answer = await cluster.AskAsync("worker list", width: width);
        string[] lines = answer.Replace("<Header> ", "", StringComparison.Ordinal).Split('\n');
        if (width > 0)
            Assert.All(lines[..^1], line => Assert.True(line.Length <= width, line));
        bool hasAll = !lines[^1].StartsWith("(a wider terminal", StringComparison.Ordinal);
        Assert.Equal(lines[0].Contains("WAIT MS", StringComparison.Ordinal), hasAll);
        Assert.Equal(width is 0 or 200, hasAll);
        Assert.Contains("it has", answer, StringComparison.Ordinal);
    }

    private static async Task AskAsync(StringBuilder answers, string command, bool json, bool plan)
    {
        string[] parts = command.Split('|');
        int items = parts.Length > 1
            ? int.Parse(parts[1], CultureInfo.InvariantCulture)
            : int.MaxValue;
        await using var cluster = new ShownCluster();
        using var end = new CancellationTokenSource();
        int count = 0;
        string answer = await cluster.AskAsync(
            parts[0], json, plan, onItem: () =>
            {
                if (++count >= items)
                    end.Cancel();
            },
            cancellation: end.Token);
        answers.Append($"$ {parts[0]}{(json ? " --json" : plan ? " (plan)" : "")}\n")
            .Append(answer.Replace(
                $"kill {Environment.ProcessId} ", "kill PID ", StringComparison.Ordinal))
            .Append("\n\n");
    }
}
