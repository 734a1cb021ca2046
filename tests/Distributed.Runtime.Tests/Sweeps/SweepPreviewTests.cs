using System.Text.Json;
using Distributed.Cluster.Sweeps;
using Distributed.Runtime.Sweeps;

namespace Distributed.Runtime.Tests.Sweeps;

/// <summary>
/// Goal: a preview's figures can be trusted. Method: small sweeps whose figures were worked out by
/// hand.
/// </summary>
public sealed class SweepPreviewTests
{
    /// <summary>Of course-cnn on 28 pixels: two convolutions and two linear layers.</summary>
    private const double Flops =
        2.0 * ((28 * 28 * 16 * 25) + (14 * 14 * 36 * 16 * 25) + (1764 * 128) + 1280);

    private const string Yaml =
        """
        name: rates
        run: {dataset: {name: mnist, trainLimit: 6000, testLimit: 1000}, epochs: 9}
        space: {optimizer.learningRate: {loguniform: [1e-4, 1e-1]}}
        scheduler: {asha: {divisor: 3}}
        trials: 27
        """;

    private static SweepPreview Preview(
        SweepFileContent content, int[] rungs, PreviewOptions options, int? count = null) =>
        SweepPreview.Of(
            content, new Draws(content.Space, 1) { Count = count }, rungs, [], options);

    [Fact]
    public void A_small_asha_by_hand()
    {
        SweepPreview preview = Preview(
            SweepFiles.Read(Yaml), [1, 3], new PreviewOptions(2, WorkerFlopsPerSecond: 1e9));
        // 27 trials for 1 epoch, 9 of them for 2 more, 3 of those for another 6.
        Assert.Equal([new(1, 27), new(3, 9), new(9, 3)], preview.Rungs);
        Assert.Equal(27 + 18 + 18, preview.Epochs);
        Assert.Equal(243, preview.EpochsAtMost);
        Assert.Equal(1 - (63.0 / 243), preview.SavedShare, 12);
        Assert.Equal(63 * 6000, preview.TrainSamples!.Value, 6);
        double hours = 63 * ((3 * 6000) + 1000) * Flops / 1e9 / 3600;
        Assert.Equal(hours, preview.WorkerHours!.Value, 9);
        Assert.Equal(hours / 2, preview.Hours!.Value, 9);
        Assert.Equal(5, preview.First.Count);
        Assert.Equal(
            "optimizer.learningRate", Assert.Single(preview.First[0].Parameters).Name);
    }

    [Fact]
    public void Brackets_share_the_trials()
    {
        SweepPreview preview = Preview(
            SweepFiles.Read(Yaml, "scheduler={hyperband: {divisor: 3}}", "trials=28"), [1, 3],
            new PreviewOptions(1));
        // 10 trials: 10, 3, 1; 9 trials without the first rung: 9, 3; 9 trials to the end.
        Assert.Equal([new(1, 10), new(3, 3 + 9), new(9, 1 + 3 + 9)], preview.Rungs);
        Assert.Equal(10 + 6 + 6 + 27 + 18 + 81, preview.Epochs);
    }

    [Fact]
    public void Seeds_and_small_grids_are_counted()
    {
        SweepFileContent content = SweepFiles.Read(
            "{run: {dataset: mnist, epochs: 2}, space: {globalBatch: {choice: [32, 64]}}, "
            + "seeds: 3, trials: 100, limits: {workersPerTrial: 2}}");
        SweepPreview preview = Preview(content, [], new PreviewOptions(3), count: 2);
        Assert.Equal(6, preview.Trials);
        Assert.Equal(2, preview.Configurations);
        Assert.Equal(12, preview.Epochs);
        Assert.Equal(0, preview.SavedShare);
        // Three workers have room for one trial of two.
        Assert.Equal(preview.WorkerHours!.Value / 2, preview.Hours!.Value, 9);
    }

    [Fact]
    public void Too_few_workers_and_unknown_sizes_are_said_and_not_guessed()
    {
        SweepFileContent content = SweepFiles.Read(
            "{run: {dataset: /nowhere/images}, space: {globalBatch: {choice: [32, 64]}}, "
            + "trials: 2, limits: {workersPerTrial: 4, hours: 0.5}}");
        SweepPreview preview = Preview(content, [], new PreviewOptions(2));
        Assert.Null(preview.WorkerHours);
        Assert.Null(preview.Hours);
        Assert.Equal(
            [
                "the cost is not known: fetch or scan the datasets first",
                "a trial needs 4 workers, and there are 2: no trial would begin",
                "no trial is begun after 30 min",
            ],
            preview.Notes);
        SweepPreview known = SweepPreview.Of(
            content, new Draws(content.Space, 1), [],
            [new DatasetSize("/nowhere/images", 100, 10, 3, 32, 32, 10)], new PreviewOptions(4));
        Assert.NotNull(known.WorkerHours);
    }

    [Fact]
    public void A_preview_is_lines_for_people_and_a_record_for_programs()
    {
        SweepPreview preview = Preview(
            SweepFiles.Read(Yaml, "seeds=3"), [1, 3],
            new PreviewOptions(2, TrialsShown: 1, WorkerFlopsPerSecond: 1e9));
        Assert.Equal(
            [
                "sweep rates: 27 trials of 9 configurations, each with 3 seeds",
                "  27 trials come to epoch 1",
                "  9 trials come to epoch 3",
                "  3 trials to the end, epoch 9",
                "epochs: 63 of 243: 74 % saved by stopping early",
                "training samples: 378,000",
                "cost: about 2.2 h of one worker",
                "time: about 1.1 h with 2 workers",
            ],
            preview.ToLines().Take(8));
        Assert.StartsWith(
            "configuration 0: optimizer.learningRate=", preview.ToLines()[8],
            StringComparison.Ordinal);
        Assert.Equal(
            [
                "note: cost assumes 1 GFLOP/s a worker and 3 forward passes for a training step, "
                    + "over 9 drawn configurations",
                "note: one trial in 3 is taken to go on from a rung; it may be more, because "
                    + "nobody waits for the others",
            ],
            preview.ToLines().Skip(9));
        using JsonDocument json = JsonSerializer.SerializeToDocument(preview);
        Assert.Equal(63, json.RootElement.GetProperty("Epochs").GetInt64());
    }

    [Fact]
    public void Configurations_that_cannot_be_run_are_told()
    {
        SweepFileContent content = SweepFiles.Read(
            """
            run: {dataset: mnist}
            space:
              model.conv[0]:
                choice: [{filters: 8, kernel: 3}, {filters: 8, kernel: 23, padding: 0}]
              model.conv[1]:
                choice: [{filters: 8, kernel: 3}, {filters: 8, kernel: 9, padding: 0}]
            trials: 64
            """);
        SweepPreview preview = Preview(content, [], new PreviewOptions(1));
        Assert.Contains(preview.Notes, note =>
            note.Contains("drawn configurations cannot be run, and would be failed trials: trial"));
        Assert.NotNull(preview.WorkerHours);
    }
}
