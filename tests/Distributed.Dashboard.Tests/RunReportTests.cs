using Distributed.Dashboard.Reports;
using Distributed.Dashboard.Reports.Runs;
using Distributed.Kernel;
using Distributed.Telemetry;
using Distributed.Training.Data;

namespace Distributed.Dashboard.Tests;

/// <summary>The report of a run that really was trained.</summary>
public sealed class RunReportTests(TinyRun run) : IClassFixture<TinyRun>
{
    private readonly Report _report = RunReport.Build(run.Folder, CancellationToken.None);

    [Fact]
    public void TheFirstSentenceHasWhatTheTrainingMeasured()
    {
        string accuracy = Figures.Percent(run.Accuracy);
        var interval = Proportion.Wilson95(
            (long)Math.Round(run.Accuracy * TinyRun.TestSamples), TinyRun.TestSamples);
        Assert.StartsWith(
            $"tiny-cnn classifies {accuracy} of 30 test images of ", _report.Answer,
            StringComparison.Ordinal);
        Assert.EndsWith(
            $"correctly (95 % interval {Figures.Percent(interval.Low)} to "
                + $"{Figures.Percent(interval.High)}) after 2 epochs, 2.5 s of training.",
            _report.Answer, StringComparison.Ordinal);
    }

    [Fact]
    public void AllPartsAreThere()
    {
        Assert.Equal(
            ["Result", "Learning", "Mistakes", "First layer", "Workers", "Origin"],
            _report.Sections.Select(section => section.Heading));
        Assert.Equal(
            ["Loss by epoch", "Accuracy by epoch", "Loss by step", "Learning rate by step"],
            Blocks("Learning").OfType<LineChart>().Select(chart => chart.Heading));
        Assert.All(
            Blocks("Learning").OfType<LineChart>().Take(2),
            chart => Assert.Equal(2, chart.Series.Count));
        Assert.Equal(4, Assert.Single(Blocks("First layer").OfType<ImageGrid>()).Images.Count);
        Timeline time = Assert.Single(Blocks("Workers").OfType<Timeline>());
        Assert.Equal(12, Assert.Single(time.Lanes).Spans.Count);
    }

    [Fact]
    public void TheConfusionMatrixCountsEveryTestImageOnce()
    {
        HeatMap matrix = Assert.Single(Blocks("Mistakes").OfType<HeatMap>());
        Assert.All(matrix.Rows, row => Assert.Equal(10, row.Sum()));
        int right = Enumerable.Range(0, 3).Sum(index => matrix.Rows[index][index]);
        Assert.Equal(run.Accuracy * TinyRun.TestSamples, right, 9);
        int wrong = TinyRun.TestSamples - right;
        ImageGrid? worst = Blocks("Mistakes").OfType<ImageGrid>().SingleOrDefault();
        Assert.Equal(Math.Min(wrong, 24), worst?.Images.Count ?? 0);
    }

    [Fact]
    public void TheCommandSurvivesAFolderWithSpaces()
    {
        CodeBlock command = Blocks("Origin").OfType<CodeBlock>().First();
        Assert.Contains(
            $"--model '{Path.Combine(run.Folder, "run.yaml")}' --workers 1", command.Text,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ClassNamesOfFilesStayTexts()
    {
        string html = PageReader.Html(_report);
        Assert.DoesNotContain(TinyRun.HostileClass, html, StringComparison.Ordinal);
        Assert.Contains("&lt;script&gt;alert(1)&lt;", html, StringComparison.Ordinal);
        PageReader.Parse(html);
    }

    [Fact]
    public void WithoutItsDatasetTheReportSaysSo()
    {
        string? before = Environment.GetEnvironmentVariable(DatasetCatalog.CacheVariable);
        using var empty = new TemporaryFolder();
        Environment.SetEnvironmentVariable(DatasetCatalog.CacheVariable, empty.Path);
        try
        {
            Report report = RunReport.Build(run.Folder, CancellationToken.None);
            Section mistakes =
                report.Sections.Single(section => section.Heading == "Mistakes");
            Assert.Empty(mistakes.Blocks);
            Assert.Contains("is not in the cache", mistakes.Text, StringComparison.Ordinal);
            Assert.Contains(Figures.Percent(run.Accuracy), report.Answer, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable(DatasetCatalog.CacheVariable, before);
        }
    }

    [Fact]
    public void ARunThatHasOnlyBegunHasAReportToo()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(run.Folder, "run.yaml"), folder.PathOf("run.yaml"));
        Report report = RunReport.Build(folder.Path, CancellationToken.None);
        Assert.EndsWith(
            "The run has not been completed.", report.Answer, StringComparison.Ordinal);
        PageReader.Parse(PageReader.Html(report));
    }

    [Fact]
    public void ALineThatIsNotOfThisProgramIsNamed()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(run.Folder, "run.yaml"), folder.PathOf("run.yaml"));
        File.WriteAllText(folder.PathOf(MetricsFile.FileName), "{\"kind\":\"step\",\"step\":1}\n");
        var failure = Assert.Throws<OperatingException>(
            () => RunReport.Build(folder.Path, CancellationToken.None));
        Assert.Contains("line 1", failure.Message, StringComparison.Ordinal);
    }

    private IEnumerable<Block> Blocks(string heading) =>
        _report.Sections.Single(section => section.Heading == heading).Blocks
            .SelectMany(block => block is SideBySide beside ? beside.Blocks : [block]);
}
