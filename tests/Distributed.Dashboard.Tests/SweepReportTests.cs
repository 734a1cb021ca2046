using Distributed.Cluster.Sweeps.Search;
using Distributed.Dashboard.Reports;
using Distributed.Dashboard.Reports.Sweeps;
using Distributed.Telemetry;

namespace Distributed.Dashboard.Tests;

/// <summary>What a sweep's report finds in its results.</summary>
public sealed class SweepReportTests
{
    [Fact]
    public void TheFirstSentenceNamesTheBestTrialByWhatDiffers()
    {
        SweepResults results = SweepSamples.Of(60);
        SweepTrial best = results.Trials
            .Where(trial => trial.State == ObservationState.Completed)
            .MaxBy(trial => trial.Objectives[0])!;
        string answer = SweepReport.Build(results).Answer;
        Assert.StartsWith("Best of 60 trials: ", answer, StringComparison.Ordinal);
        Assert.Contains(
            $"trials: learningRate={best.Parameters[0].Text}, conv[0].filters=", answer,
            StringComparison.Ordinal);
        Assert.EndsWith(
            $"with test accuracy {Figures.Percent(best.Objectives[0])}.", answer,
            StringComparison.Ordinal);
        Assert.Contains("optimizer.kind=", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("epochs=", answer, StringComparison.Ordinal);
    }

    [Fact]
    public void SmallerIsBetterWhereTheObjectiveSaysSo()
    {
        SweepResults results = SweepSamples.Of(20);
        results = results with
        {
            Objectives = [new SweepObjective("test loss", IsMaximized: false, IsShare: false)],
            Trials =
            [
                .. results.Trials.Select(trial => trial.Objectives.Count == 0
                    ? trial
                    : trial with { Objectives = [trial.Epochs[^1].TestLoss] }),
            ],
        };
        double lowest = results.Trials
            .Where(trial => trial.State == ObservationState.Completed)
            .Min(trial => trial.Objectives[0]);
        Assert.EndsWith(
            $"with test loss {ReportNumbers.Significant(lowest)}.",
            SweepReport.Build(results).Answer, StringComparison.Ordinal);
    }

    [Fact]
    public void TheTableHasAColumnForWhateverDiffersAndNoOther()
    {
        Table table = Trials(SweepSamples.Of(60));
        Assert.Equal(60, table.Rows.Count);
        Assert.Equal(["trial", "test accuracy"], table.Header.Take(2));
        Assert.Contains("momentum", table.Header);
        Assert.Contains("parameters", table.Header);
        Assert.DoesNotContain("epochs ", table.Header);
        Assert.DoesNotContain("seed", table.Header);
        Assert.DoesNotContain("configuration", table.Header);
        Assert.Single(table.Header, name => name == "test accuracy");
        int momentum = table.Header.ToList().IndexOf("momentum");
        Assert.Contains(table.Rows, row => row[momentum] == Cell.None);
        double[] accuracies =
            [.. table.Rows.Select(row => row[1].Value).OfType<double>().Take(5)];
        Assert.Equal(accuracies.OrderDescending(), accuracies);
    }

    /// <summary>Short where that is clear.</summary>
    [Theory]
    [InlineData("optimizer.learningRate", "learningRate")]
    [InlineData("optimizer.kind", "optimizer.kind")]
    [InlineData("model.conv[0].filters", "conv[0].filters")]
    [InlineData("model.conv[1].filters", "conv[1].filters")]
    [InlineData("epochs", "epochs")]
    [InlineData("a.size", "a.size")]
    public void ParametersAreCalledByTheEndOfTheirKeys(string key, string name) => Assert.Equal(
        name,
        VariedParameter.ShortName(
            key,
            [
                "optimizer.learningRate", "optimizer.kind", "model.conv[0].filters",
                "model.conv[1].filters", "epochs", "a.size", "b.size",
            ]));

    [Fact]
    public void SeedsOfAConfigurationAreTakenTogether()
    {
        SweepResults results = SweepSamples.Of(30, seeds: 3);
        Report report = SweepReport.Build(results);
        Assert.Contains("±", report.Answer, StringComparison.Ordinal);
        BarChart seeds = Assert.IsType<BarChart>(Section(report, "Seeds").Blocks[0]);
        SweepTrial[] first =
        [
            .. results.Trials.Where(trial => trial.State == ObservationState.Completed)
                .GroupBy(trial => trial.Configuration).Where(group => group.Count() > 1)
                .MaxBy(group => group.Average(trial => trial.Objectives[0]))!,
        ];
        double mean = first.Average(trial => trial.Objectives[0]);
        double deviation = Math.Sqrt(
            first.Sum(trial => Math.Pow(trial.Objectives[0] - mean, 2)) / (first.Length - 1));
        Assert.Equal(mean, seeds.Bars[0].Value, 12);
        Assert.Equal(mean + deviation, seeds.Bars[0].High!.Value, 12);
        Assert.Contains("seed", Trials(results).Header);
    }

    [Fact]
    public void TwoObjectivesAreShownAgainstEachOther()
    {
        SweepResults results = SweepSamples.Of(40, objectives: 2);
        Report report = SweepReport.Build(results);
        Assert.Contains("best compromises", report.Answer, StringComparison.Ordinal);
        var beside = Assert.IsType<SideBySide>(Section(report, "Trade-offs").Blocks[0]);
        var scatter = Assert.IsType<ScatterChart>(Assert.Single(beside.Blocks));
        Assert.Equal(results.ParetoTrials.Count, scatter.Series[1].Points.Count);
        Assert.True(scatter.Series[1].IsConnected);
    }

    [Fact]
    public void FailuresAreGroupedByTheirReason()
    {
        Report report = SweepReport.Build(SweepSamples.Of(60));
        var table = Assert.IsType<Table>(Section(report, "Failures").Blocks[0]);
        Assert.Equal(2, table.Rows.Count);
        Assert.Equal(
            SweepSamples.Of(60).Trials.Count(trial => trial.State == ObservationState.Failed),
            table.Rows.Sum(row => (int)row[1].Value!.Value));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void SmallSweepsHaveReports(int trials)
    {
        Report report = SweepReport.Build(SweepSamples.Of(trials));
        PageReader.Parse(PageReader.Html(report));
        using var text = new StringWriter();
        MarkdownReport.Write(report, text);
    }

    [Fact]
    public void ThousandsOfTrialsMakeAPageThatBrowsersCanHold()
    {
        string html = PageReader.Html(SweepReport.Build(SweepSamples.Of(5000)));
        Assert.InRange(html.Length, 1_000_000, 8_000_000);
        Assert.Contains("1,000 of ", html, StringComparison.Ordinal);
        Assert.Contains("5,000 trials", html, StringComparison.Ordinal);
    }

    [Fact]
    public void ATrialThatStillRunsIsNotRanked()
    {
        SweepResults results = SweepSamples.Of(4);
        results = results with
        {
            Trials =
            [
                .. results.Trials.Select(
                    trial => trial with { State = ObservationState.Pending }),
            ],
        };
        Assert.Equal(
            "None of 4 trials gave a result yet.", SweepReport.Build(results).Answer);
    }

    private static Table Trials(SweepResults results) => Assert.IsType<Table>(
        Section(SweepReport.Build(results), "Trials").Blocks[0]);

    private static Section Section(Report report, string heading) =>
        report.Sections.Single(section => section.Heading == heading);
}
