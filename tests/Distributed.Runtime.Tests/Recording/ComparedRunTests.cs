using Distributed.Runtime.Recording;
using Distributed.Telemetry;

namespace Distributed.Runtime.Tests.Recording;

/// <summary>
/// A run whose hyper-parameters are compared: their records lie beside its metrics and change none.
/// </summary>
public sealed class ComparedRunTests : IDisposable
{
    private static readonly Dictionary<string, HParamValue> Values = new()
    {
        ["lr"] = new HParamValue.Number(0.1),
    };

    private readonly RunFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Each_compared_metric_is_a_tag_of_a_recorded_run()
    {
        Run(startStep: 0);
        HashSet<string> tags =
            [.. folder.EventFiles.SelectMany(file => file.Scalars).Select(value => value.Tag)];
        Assert.NotEmpty(ComparedMetrics.All);
        Assert.All(ComparedMetrics.All, metric => Assert.Contains(metric.Tag, tags));
    }

    /// <summary>The records stay whatever the jobs after them take back.</summary>
    [Fact]
    public void A_run_in_legs_that_is_cut_back_keeps_its_records_and_its_metrics()
    {
        Assert.True(HParamsSession.Start(folder.Path, "trial 1", Values, TimeProvider.System));
        Run(startStep: 0);
        Assert.Equal([null, 1L], folder.EventFiles.Select(file => file.StartStep));
        foreach (long startStep in (long[])[6, 4, 0])
        {
            Assert.False(
                HParamsSession.Start(folder.Path, "trial 1", Values, TimeProvider.System));
            MetricsFile.Truncate(folder.MetricsPath, startStep);
            Run(startStep);
            Assert.Equal(startStep + 1, folder.EventFiles[^1].StartStep);
            HasItsRecords(HParamsSession.StartTag);
        }

        Assert.True(
            HParamsSession.End(folder.Path, HParamsStatus.Success, TimeProvider.System));
        Assert.False(
            HParamsSession.End(folder.Path, HParamsStatus.Failure, TimeProvider.System));
        HasItsRecords(HParamsSession.StartTag, HParamsSession.EndTag);
    }

    /// <summary>
    /// In the files' order, each once, and before any step that a session's start takes back.
    /// </summary>
    private void HasItsRecords(params string[] tags)
    {
        HParamsValue[] records = [.. folder.EventFiles.SelectMany(file => file.HParams)];
        Assert.Equal(tags, records.Select(record => record.Tag));
        Assert.All(records, record => Assert.Equal(0, record.Step));
        Assert.DoesNotContain(folder.EventFiles, file => file.StartStep <= 0);
        folder.ShowsItsMetrics();
    }

    private void Run(long startStep)
    {
        using RunFiles files = RunFiles.Open(
            RecordedRun.Describe(folder.Path, startStep), TimeProvider.System);
        RecordedRun.RecordRest(files, files.Begun);
        files.Close();
    }
}
