using System.Text.Json;
using Xunit.Abstractions;

namespace Distributed.Process.Tests;

/// <summary>
/// Sweeps of real processes: as many trials as asked for, none twice, none left running, whatever
/// dies meanwhile; and with <c>deterministic</c> the same table as a sweep that was left in peace.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class SweepTests(Workplace workplace, ITestOutputHelper output)
{
    private const int Interrupted = 130;
    private static readonly int Trials = Chaos.Times(ordinary: 9, chaos: 60);

    /// <summary>
    /// Runs a sweep on a small disk of its own until it is paused; then gives the disk room and
    /// has the sweep go on.
    /// </summary>
    private const string OnASmallDisk = """
        run=$1 program=$2 file=$3
        mkdir -p "$run" && mount -t tmpfs -o size=8m none "$run" || exit 125
        "$program" sweep "$file" --json --workers 1 --out "$run" >"$run.out" &
        until grep -q '"event":"paused"' "$run.out"; do
            kill -0 $! || break
            sleep 0.1
        done
        mount -o remount,size=64m "$run" || exit 125
        "$program" sweep resume "$run"
        wait $!
        code=$?
        cat "$run.out"
        exit $code
        """;

    /// <summary>Early stopping by what others did, and a sampler that learns from them.</summary>
    private string AshaFile => Write("asha", $$"""
        name: asha
        run:
          dataset: {{workplace.DatasetFolder}}
          model: course-cnn
          epochs: 9
        space:
          optimizer.learningRate: {loguniform: [1e-4, 3e-2]}
          optimizer.kind:
            choice:
              adam: {}
              sgd: {optimizer.momentum: {uniform: [0.5, 0.99]} }
          model.conv[0].filters: {int: [4, 16], step: 4}
        sampler: {tpe: {startTrials: 4} }
        scheduler: {asha: {divisor: 3} }
        objective: maximize testAccuracy
        trials: {{Trials}}
        deterministic: true
        limits: {concurrent: 2}
        """);

    [Fact]
    public void KilledThroughoutItEndsAsOneThatWasLeftInPeace()
    {
        string peaceful = workplace.NewPath("peaceful");
        workplace.Run("sweep", AshaFile, "--json", "--workers", "2", "--out", peaceful).Expect(0);

        string folder = workplace.NewPath("killed");
        int kills = 0;
        using (CommandRun run = workplace.Start(
            "sweep", AshaFile, "--json", "--workers", "2", "--out", folder))
        {
            // A process dies with every second rung that some trial comes to.
            int from = 0;
            var random = new Random(Trials);
            while (run.FindArrival("rung", from: from) is { } rung)
            {
                from = rung.Line + 1;
                IReadOnlyList<int> children = Signals.ChildrenOf(run.ProcessId);
                if (random.Next(2) == 0 || children.Count == 0)
                    continue;
                KillIfAlive(children[random.Next(children.Count)]);
                kills++;
            }

            run.Finish().Expect(0);
        }

        Assert.True(kills >= Trials / 3, $"{kills} processes were killed");
        Assert.Equal(SweepTable.Lines(peaceful), SweepTable.Lines(folder));
        Assert.Equal(
            Enumerable.Range(0, Trials).Select(trial => $"{trial}"),
            SweepTable.Column(folder, "trial"));
        Assert.All(
            SweepTable.Column(folder, "status"),
            status => Assert.Contains(status, new[] { "completed", "stopped" }));
        Assert.Contains("stopped", SweepTable.Column(folder, "status"));
    }

    [Fact]
    public void ControlCSavesAllTrialsAndResumeGoesOn()
    {
        string file = Write("random", RandomFile(trials: 4, epochs: 6));
        string peaceful = workplace.NewPath("peaceful");
        workplace.Run("sweep", file, "--workers", "2", "--out", peaceful).Expect(0);

        string folder = workplace.NewPath("interrupted");
        using (CommandRun first = workplace.Start(
            "sweep", file, "--json", "--workers", "2", "--out", folder))
        {
            first.WaitForEvent("step", step => step.GetProperty("step").GetInt64() > 10);
            first.PressControlC();
            first.Finish().Expect(Interrupted);
        }

        // Killed without a word the second time.
        using (CommandRun second = workplace.Start(
            "sweep", "--resume", "--json", "--workers", "1", "--out", folder))
        {
            second.WaitForEvent("trial_ended");
            second.Family();
            Signals.Send(second.ProcessId, Signals.Kill);
            second.WaitUntilAllAreGone();
        }

        workplace.Run("sweep", "--resume", "--workers", "2", "--out", folder).Expect(0);
        Assert.Equal(SweepTable.Lines(peaceful), SweepTable.Lines(folder));
    }

    [Fact]
    public void ATrialIsRetrainedToItsBits()
    {
        string file = Write("retrained", RandomFile(trials: 2, epochs: 3));
        string folder = workplace.NewPath("retrained");
        workplace.Run("sweep", file, "--workers", "2", "--out", folder).Expect(0);

        string run = workplace.NewPath("again");
        CommandResult result = workplace.Run(
            "retrain", $"{folder}/1", "--workers", "3", "--json", "--out", run).Expect(0);

        Assert.Equal(SweepTable.Column(folder, "parametersSha256")[1], JsonEvents.Hash(result));
        Assert.Contains("the same bits as trial 1", string.Join('\n', result.Errors));
    }

    /// <summary>A trial that cannot be trained is one failed trial, with its reason.</summary>
    [Fact]
    public void ATrialWhoseLossIsNoNumberIsOneFailedTrial()
    {
        string file = Write("diverging", $$"""
            name: diverging
            run: {dataset: {{workplace.DatasetFolder}}, model: course-cnn, epochs: 1}
            space:
              optimizer.learningRate: {choice: [1e-3, 1e30, 2e-3]}
            sampler: grid
            objective: maximize testAccuracy
            trials: 3
            """);
        string folder = workplace.NewPath("diverging");

        workplace.Run("sweep", file, "--workers", "2", "--out", folder).Expect(0);

        Assert.Equal(
            ["completed", "failed", "completed"], SweepTable.Column(folder, "status"));
        Assert.Contains("loss", SweepTable.Column(folder, "reason")[1]);

        CommandResult again = workplace.Run(
            "sweep", "--resume", "--retry-failed", "--workers", "2", "--out", folder).Expect(0);

        Assert.Contains("trial 1 is tried again", again.Output);
        Assert.Equal(
            ["completed", "failed", "completed"], SweepTable.Column(folder, "status"));
    }

    [Fact]
    public void OrdersAreTakenWhileItRuns()
    {
        string file = Write("ordered", RandomFile(trials: 3, epochs: 12));
        string folder = workplace.NewPath("ordered");
        using CommandRun run = workplace.Start(
            "sweep", file, "--json", "--workers", "2", "--out", folder);
        run.WaitForEvent("step");
        workplace.Run("sweep", "pause", folder).Expect(0);
        run.WaitForEvent("paused");
        workplace.Run("sweep", "add", folder, "2").Expect(0);
        workplace.Run("sweep", "resume", folder).Expect(0);
        run.WaitForEvent("resumed");
        Assert.Contains(
            "has not failed", workplace.Run("sweep", "retry", folder, "0").Expect(1).OnlyError());

        JsonElement done = JsonEvents.Done(run.Finish().Expect(0));

        Assert.Equal(5, done.GetProperty("trials").GetInt32());
        Assert.Equal(5, done.GetProperty("completed").GetInt32());
    }

    [Fact]
    public void AStoppedSweepEndsWithWhatItHas()
    {
        string file = Write("stopped", RandomFile(trials: 50, epochs: 3));
        string folder = workplace.NewPath("stopped");
        using CommandRun run = workplace.Start(
            "sweep", file, "--json", "--workers", "2", "--out", folder);
        run.WaitForEvent("trial_ended");
        workplace.Run("sweep", "stop", folder).Expect(0);

        run.Finish().Expect(0);

        IReadOnlyList<string> status = SweepTable.Column(folder, "status");
        Assert.InRange(status.Count, 1, 49);
        Assert.Contains("completed", status);
        Assert.All(
            status, word => Assert.Contains(word, new[] { "completed", "cancelled" }));
    }

    [Fact]
    public void AFullDiskPausesTheSweep()
    {
        if (OwnMounts.Flags(workplace) is not { } unshare)
        {
            output.WriteLine("NOT TESTED: this system lets its user mount nothing");
            return;
        }

        string file = Write("full", $$"""
            name: full
            run:
              dataset: {{workplace.DatasetFolder}}
              model: course-cnn
              epochs: 4
              keepCheckpoints: 9
            space:
              optimizer.learningRate: {loguniform: [1e-4, 1e-2]}
            sampler: random
            objective: maximize testAccuracy
            trials: 3
            """);
        using CommandRun run = CommandRun.Start(
            workplace,
            [
                .. unshare, "sh", "-c", OnASmallDisk, "sh", workplace.NewPath("full"),
                Repository.Program, file,
            ],
            "unshare");

        CommandResult result = run.Finish().Expect(0);

        JsonElement paused = Assert.Single(JsonEvents.Of(result, "paused"));
        Assert.Contains("the disk is full", paused.GetProperty("reason").GetString());
        Assert.Equal(3, JsonEvents.Done(result).GetProperty("completed").GetInt32());
    }

    [Fact]
    public void AFolderIsOneSweeps()
    {
        string file = Write("first", RandomFile(trials: 1, epochs: 1));
        string folder = workplace.NewPath("taken");
        workplace.Run("sweep", file, "--workers", "1", "--out", folder).Expect(0);

        Assert.Contains(
            "holds a sweep",
            workplace.Run("sweep", file, "--out", folder).Expect(1).OnlyError());
    }

    [Fact]
    public void MoreWorkersForATrialThanThereAreIsRefused()
    {
        string file = Write("wide", RandomFile(trials: 1, epochs: 1) + """

            limits: {workersPerTrial: 3}
            """);

        Assert.Contains(
            "each trial trains on 3 workers",
            workplace.Run("sweep", file, "--workers", "2").Expect(2).OnlyError());
    }

    private static void KillIfAlive(int process)
    {
        if (Signals.IsAlive(process))
            Signals.Send(process, Signals.Kill);
    }

    private string RandomFile(int trials, int epochs) => $$"""
        name: random
        run: {dataset: {{workplace.DatasetFolder}}, model: course-cnn, epochs: {{epochs}} }
        space:
          optimizer.learningRate: {loguniform: [1e-4, 1e-2]}
        sampler: random
        objective: maximize testAccuracy
        trials: {{trials}}
        """;

    private string Write(string name, string yaml)
    {
        string path = Path.Combine(workplace.NewPath(name) + ".yaml");
        File.WriteAllText(path, yaml);
        return path;
    }
}
