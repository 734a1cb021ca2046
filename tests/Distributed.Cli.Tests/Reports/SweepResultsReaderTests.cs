using System.Globalization;
using System.Text;
using System.Text.Json;
using Distributed.Cli.Nodes;
using Distributed.Cli.Reports;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Analysis;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Dashboard.Reports;
using Distributed.Dashboard.Reports.Sweeps;
using Distributed.Kernel;
using Distributed.Telemetry;
using Distributed.Training.Specification;

namespace Distributed.Cli.Tests.Reports;

/// <summary>
/// A sweep's report has what its store and its trials' folders hold, of a sweep that runs too.
/// </summary>
public sealed class SweepResultsReaderTests : IDisposable
{
    private const string Yaml = """
        name: small
        run: {dataset: mnist, epochs: 2}
        space:
          globalBatch: {choice: [32, 64]}
          optimizer.weightDecay: {uniform: [0, 1], step: 0.5}
        objective: [maximize testAccuracy, minimize flops]
        trials: 8
        seeds: 2
        """;

    private readonly string _folder =
        Directory.CreateTempSubdirectory("distributed-sweeps-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void EveryTrialHasItsEpochsFiguresAndState()
    {
        SyntheticSweep sweep = SmallSweep();
        WriteMetrics(0, epochs: 2);
        SweepResults results = Read(sweep);

        Assert.Equal("small", results.Name);
        Assert.Equal(
            [
                new SweepObjective("test accuracy", true, true),
                new SweepObjective("FLOPs an image", false, false),
            ],
            results.Objectives);
        Assert.Equal([0, 0, 1, 1, 2], results.Trials.Select(trial => trial.Configuration));
        Assert.Equal([1UL, 2, 1, 2, 1], results.Trials.Select(trial => trial.Seed));
        Assert.Equal(
            [
                ObservationState.Completed, ObservationState.Completed, ObservationState.Stopped,
                ObservationState.Failed, ObservationState.Pending,
            ],
            results.Trials.Select(trial => trial.State));

        SweepTrial first = results.Trials[0];
        Assert.Equal([1, 2], first.Epochs.Select(epoch => epoch.Epoch));
        Assert.Equal([0.1, 0.2], first.Epochs.Select(epoch => epoch.TestAccuracy));
        Assert.Equal([0.9, 1_000_000.0], first.Objectives);
        Assert.Equal((5000, 1000, 1_000_000L), (
            first.ImagesPerSecond, first.ParameterCount, first.FlopsPerImage));
        Assert.EndsWith(Path.Combine("trials", "0000"), first.RunFolder, StringComparison.Ordinal);
        // Without a metrics.jsonl there is what the sweep itself knows.
        Assert.Equal([2], results.Trials[1].Epochs.Select(epoch => epoch.Epoch));
        Assert.Equal("", results.Trials[1].RunFolder);
        Assert.Equal("others are better", results.Trials[2].Reason);
        Assert.Equal("no network", results.Trials[3].Reason);
        Assert.Empty(results.Trials[4].Objectives);
    }

    [Fact]
    public void TheFrontTheTimeAndTheEnvironmentAreTheSweeps()
    {
        SyntheticSweep sweep = SmallSweep();
        WriteMetrics(0, epochs: 2);
        SweepResults results = Read(sweep);
        // Trial 0 is cheaper, trial 1 more accurate; the others did not run to their end.
        Assert.Equal([0, 1], results.ParetoTrials);
        Assert.Equal(4, results.Seconds);
        Assert.Contains(new Fact("Commit", "0123456789abcdef"), results.Environment);
        Assert.Contains(results.Environment, fact => fact.Name.StartsWith(
            "Processor", StringComparison.Ordinal));
        Assert.Equal("./distributed sweep mine.yaml", results.Command);
        Assert.Contains("small", SweepReport.Build(results).Title, StringComparison.Ordinal);
    }

    [Fact]
    public void LabelsReachParametersAndImportance()
    {
        var sweep = new SyntheticSweep(
            Yaml.Replace("trials: 8", "trials: 12", StringComparison.Ordinal), _folder);
        foreach (string batch in new[] { "32", "64" })
        {
            foreach (string rate in new[] { "0", "0.5", "1" })
            {
                double accuracy = (batch == "64" ? 0.9 : 0.5)
                    + double.Parse(rate, CultureInfo.InvariantCulture) / 100;
                sweep.Complete(sweep.Parameters(batch, rate), accuracy);
                sweep.Complete(sweep.Parameters(batch, rate), accuracy);
            }
        }
        var labels = new ParameterLabels(new ParameterLabel(
            "globalBatch", "batch", new Dictionary<string, string> { ["64"] = "large" }));
        SweepResults results = SweepResultsReader.Read(
            _folder, sweep.State, Known, labels, "Which?", CancellationToken.None);

        Assert.Equal("Which?", results.Question);
        Assert.Equal(new ParameterValue("batch", "large"), results.Trials[^1].Parameters[0]);
        Assert.Equal(
            ["batch", "optimizer.weightDecay"], results.Importance.Select(share => share.Name));
        Assert.True(results.Importance[0].Share > 0.9);
    }

    [Fact]
    public void TrialsThatWereStoppedAreComparedAfterTheSameEpoch()
    {
        var sweep = new SyntheticSweep(Yaml, _folder);
        foreach (double accuracy in new[] { 0.3, 0.4, 0.5 })
        {
            int trial = sweep.Begin(sweep.Parameters("32", "0.5"), 1);
            sweep.Reach(trial, 1, accuracy);
            if (accuracy < 0.5)
                sweep.Conclude(trial, TrialEnd.Stopped, "others are better");
        }
        IReadOnlyList<ParameterSample> samples = SweepResultsReader.Samples(sweep.State);
        Assert.Equal([-0.3, -0.4, -0.5], samples.Select(sample => sample.Loss));
    }

    [Fact]
    public void ThousandsOfTrialsAreReadWithoutParsingTheirSteps()
    {
        const int count = 2000;
        var sweep = new SyntheticSweep(
            Yaml.Replace("trials: 8", $"trials: {count}", StringComparison.Ordinal), _folder);
        for (int trial = 0; trial < count; trial++)
        {
            sweep.Complete(
                sweep.Parameters(
                    trial % 4 < 2 ? "32" : "64", trial % 3 == 0 ? "0" : "1"),
                CounterRandom.UnitDouble(3, (ulong)trial), 1 + trial);
        }
        for (int trial = 0; trial < count; trial += 500)
            WriteMetrics(trial, epochs: 2, steps: "{\"kind\":\"step\",this is no JSON}\n");
        SweepResults results = Read(sweep);
        Assert.Equal(count, results.Trials.Count);
        Assert.Equal(2, results.Trials[500].Epochs.Count);
        Assert.NotEmpty(results.Importance);
    }

    private static SweepFolder Known => new("000000000000002a", [])
    {
        Command = "./distributed sweep mine.yaml",
    };

    private SweepResults Read(SyntheticSweep sweep) => SweepResultsReader.Read(
        _folder, sweep.State, Known, ParameterLabels.None, "", CancellationToken.None);

    private SyntheticSweep SmallSweep()
    {
        var sweep = new SyntheticSweep(Yaml, _folder);
        sweep.Complete(sweep.Parameters("32", "0.5"), 0.9, flops: 1_000_000);
        sweep.Complete(sweep.Parameters("32", "0.5"), 0.95, flops: 2_000_000);
        int stopped = sweep.Begin(sweep.Parameters("64", "0.5"), 500_000);
        sweep.Reach(stopped, 1, 0.5);
        sweep.Conclude(stopped, TrialEnd.Stopped, "others are better");
        sweep.Fail(sweep.Parameters("64", "0.5"), "no network");
        sweep.Begin(sweep.Parameters("64", "1"), 500_000);
        return sweep;
    }

    private void WriteMetrics(int trial, int epochs, string steps = "")
    {
        string folder = SweepResultsReader.TrialFolder(_folder, trial);
        Directory.CreateDirectory(folder);
        new RunRecord(RunSpecReader.Read("dataset: mnist", "run.yaml"), "0123", null).Save(folder);
        var text = new StringBuilder();
        for (int epoch = 1; epoch <= epochs; epoch++)
        {
            text.Append(steps).Append(JsonSerializer.Serialize(new
            {
                kind = "epoch",
                epoch,
                step = 10 * epoch,
                train_loss = 0.5,
                train_accuracy = 0.5,
                test_loss = 0.4,
                test_accuracy = epoch / 10.0,
                seconds = 1.5,
            })).Append('\n');
        }
        // What is being written now.
        text.Append("{\"kind\":\"epoch\",\"epo");
        File.WriteAllText(Path.Combine(folder, MetricsFile.FileName), text.ToString());
    }
}
