using System.Text;
using Distributed.Cluster.Jobs;
using Distributed.Runtime.Recording;
using Distributed.Telemetry;
using Distributed.Telemetry.Tests;
using Distributed.Training.Data;

namespace Distributed.Runtime.Tests.Recording;

/// <summary>
/// What workers send beside the figures is shown where it is sound; where it is not, it is left out
/// and the figures stay as they are. Every file is read by the strict reader.
/// </summary>
public sealed class RunAttachmentsTests : IDisposable
{
    private static readonly string[] Names = ["cat", "dog", "emu", "fox"];
    private static readonly ImageShape Shape = new(1, 12, 12);

    private readonly RunFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_run_shows_its_model_its_charts_and_where_it_comes_from()
    {
        Record(_ => { });
        var shown = StrictEvents.ReadRun(folder.Path);
        Assert.Equal("custom_scalars", shown["custom_scalars__config__"].Single().Kind);
        Assert.Single(shown["run"]);
        string environment = Encoding.UTF8.GetString(
            shown["environment"].Single().Fields.Message(8).All(8).Single());
        Assert.Contains(Environment.MachineName, environment, StringComparison.Ordinal);
        Assert.Contains("| .NET | .NET ", environment, StringComparison.Ordinal);
        Assert.Single(folder.EventPaths.SelectMany(path => StrictEvents.Read(path).Graphs));
        string[] ofRank =
            ["compute_ms", "communication_ms", "wait_ms", "step_ms", "images_per_second"];
        foreach (string name in ofRank)
            Assert.NotEmpty(shown[$"rank/1/{name}"]);
        Assert.DoesNotContain("attachments", shown.Keys);
    }

    [Fact]
    public void Summaries_of_workers_are_shown_once()
    {
        Record(files =>
        {
            foreach (long step in new long[] { 4, 4, 8, 4, 10 })
                files.Attach(Summary(step));
        });
        var shown = StrictEvents.ReadRun(folder.Path);
        Assert.Equal([4L, 8, 10], shown["weights/conv1"].Select(value => value.Step));
        Assert.Equal("histograms", shown["weights/conv1"][0].Kind);
        folder.ShowsItsMetrics();
    }

    [Fact]
    public void What_is_not_sound_is_left_out_and_told_and_costs_no_figure()
    {
        RunAttachment[] bad =
        [
            Summary(-1), Summary(RecordedRun.StepsTotal + 1), Summary(long.MaxValue),
            Of(AttachmentKind.Summary, 4, new SummaryBuilder().Scalar("loss/train", 1).ToBytes()),
            Of(AttachmentKind.Summary, 4, new SummaryBuilder().Scalar("rank/9/x", 1).ToBytes()),
            Of(AttachmentKind.Summary, 4, new SummaryBuilder().Scalar("run", 1).ToBytes()),
            Of(AttachmentKind.Summary, 4, [0xFF, 0xFF]),
            Of(AttachmentKind.Graph, 4, [0xFF]),
            Of(AttachmentKind.Predictions, 4, [0xFF]),
            Of(AttachmentKind.Predictions, 8, Share(1, 0, 1).ToBytes()),
            Of(AttachmentKind.ProjectorFile, 4, [1], "../run.yaml"),
            Of(AttachmentKind.ProjectorFile, 4, [1], ""),
            Of(AttachmentKind.ProjectorFile, 4, [1], "a\nb"),
            Of(AttachmentKind.ProjectorFile, 4, [1], ProjectorConfig.FileName),
        ];
        string[] before = [];
        Record(files =>
        {
            before = Directory.GetFileSystemEntries(folder.Path);
            foreach (RunAttachment attachment in bad)
                files.Attach(attachment);
        });
        Assert.Equal(before.Order(), Directory.GetFileSystemEntries(folder.Path).Order());
        var shown = StrictEvents.ReadRun(folder.Path);
        string told = Encoding.UTF8.GetString(
            shown["attachments"].Single().Fields.Message(8).All(8).Single());
        Assert.StartsWith(
            $"0 were dropped because too many waited, {bad.Length} were refused", told,
            StringComparison.Ordinal);
        folder.ShowsItsMetrics();
        folder.HoldsEachPointOnce();
    }

    [Fact]
    public void The_projector_finds_its_files()
    {
        var embedding = new ProjectorEmbedding("last", "last.tsv", 2, 2, "gone.tsv");
        byte[] config = Encoding.UTF8.GetBytes(new ProjectorConfig([embedding]).ToText());
        byte[] points = ProjectorEmbedding.ToTensorFile([1, 2, 3, 4], 2);
        Record(files =>
        {
            // A config that comes before its files would break TensorBoard's tab.
            files.Attach(Of(AttachmentKind.ProjectorFile, 4, config, ProjectorConfig.FileName));
            Assert.False(File.Exists(Path.Combine(folder.Path, ProjectorConfig.FileName)));
            foreach (byte[] content in new[] { [1], points })
                files.Attach(Of(AttachmentKind.ProjectorFile, 4, content, "last.tsv"));
            files.Attach(Of(AttachmentKind.ProjectorFile, 4, config, ProjectorConfig.FileName));
        });
        string text = File.ReadAllText(Path.Combine(folder.Path, ProjectorConfig.FileName));
        ProjectorEmbedding found = Assert.Single(ProjectorConfig.TryParse(text)!.Embeddings);
        Assert.Equal(embedding with { MetadataFile = "" }, found);
        string file = Path.Combine(folder.Path, ProjectorConfig.Folder, "last.tsv");
        Assert.Equal([file], Directory.GetFiles(Path.GetDirectoryName(file)!));
        Assert.Equal(points, File.ReadAllBytes(file));
    }

    [Theory]
    [InlineData(new[] { 0, 1, 2 })]
    [InlineData(new[] { 2, 0, 1 })]
    [InlineData(new[] { 1, 1, 2, 2, 0, 0 })]
    public void A_test_is_put_together_in_whatever_order_its_shares_come(int[] order)
    {
        Record(files =>
        {
            foreach (int rest in order)
                files.Attach(SampleTest.Attachment(Share(1, rest, 3)));
        });
        var shown = StrictEvents.ReadRun(folder.Path);
        IsWholeTest(shown, 4);
        Assert.DoesNotContain("test/images_missing", shown.Keys);
        byte[] picture = PictureIn(shown["test/confusion"][0]);
        folder.Clear();
        Record(files => files.Attach(SampleTest.Attachment(Share(1, 0, 1))));
        var whole = StrictEvents.ReadRun(folder.Path);
        Assert.Equal(PictureIn(whole["test/confusion"][0]), picture);
        Assert.Equal(
            PictureIn(whole["test/mistakes"][0]), PictureIn(shown["test/mistakes"][0]));
    }

    /// <summary>
    /// A worker died with its share: the rest is shown when the next epoch's comes.
    /// </summary>
    [Fact]
    public void A_test_of_which_a_share_is_missing_is_shown_with_what_there_is()
    {
        Record(files =>
        {
            files.Attach(SampleTest.Attachment(Share(1, 0, 3)));
            files.Attach(SampleTest.Attachment(Share(1, 1, 3)));
            files.Attach(SampleTest.Attachment(Share(2, 0, 2)));
            files.Attach(SampleTest.Attachment(Share(1, 2, 3)));
            files.Attach(SampleTest.Attachment(Share(2, 1, 2)));
            files.Attach(SampleTest.Attachment(Share(3, 1, 3)));
        });
        var shown = StrictEvents.ReadRun(folder.Path);
        IsWholeTest(shown, 4, 8, 10);
        Assert.Equal(
            [(4L, 20f), (10L, 40f)],
            shown["test/images_missing"].Select(value => (value.Step, value.Fields.Single(2))));
    }

    [Fact]
    public void Accuracies_and_the_table_are_those_of_the_shares()
    {
        TestShare share = Share(1, 0, 1);
        Record(files => files.Attach(SampleTest.Attachment(share)));
        var shown = StrictEvents.ReadRun(folder.Path);
        var samples = share.Labels.Zip(share.Predicted).ToList();
        for (int label = 0; label < Names.Length; label++)
        {
            var ofClass = samples.Where(sample => sample.First == label).ToList();
            double right = ofClass.Count(sample => sample.Second == label);
            StrictValue accuracy = shown[$"accuracy_by_class/{Names[label]}"].Single();
            Assert.Equal((float)(right / ofClass.Count), accuracy.Fields.Single(2));
            string[] table =
            [
                .. shown["test/confusion_table"].Single().Fields.Message(8).Texts(8)
                    .Skip((label + 1) * (Names.Length + 1)).Take(Names.Length + 1),
            ];
            Assert.Equal(Names[label], table[0]);
            Assert.Equal(
                Enumerable.Range(0, Names.Length).Select(
                    predicted => $"{ofClass.Count(sample => sample.Second == predicted)}"),
                table[1..]);
        }
    }

    /// <summary>
    /// Killed at bytes all over the event file, the next coordinator goes on: what is sent to it is
    /// shown once, and all figures are.
    /// </summary>
    [Fact]
    public void Killed_anywhere_a_successor_goes_on()
    {
        Record(AttachAll);
        byte[] metrics = File.ReadAllBytes(folder.MetricsPath);
        string path = folder.EventPaths.Single();
        byte[] events = File.ReadAllBytes(path);
        int stride = (events.Length / 50) + 1;
        string[] tags = [.. StrictEvents.ReadRun(folder.Path).Keys];
        for (int length = events.Length; length >= 0; length -= stride)
        {
            folder.Clear();
            File.WriteAllBytes(folder.MetricsPath, metrics);
            File.WriteAllBytes(path, events[..length]);
            Record(AttachAll);
            var shown = StrictEvents.ReadRun(folder.Path);
            Assert.Equal(tags, shown.Keys);
            Assert.Equal([4L, 8, 10], shown["weights/conv1"].Select(value => value.Step));
            IsWholeTest(shown, 4, 8, 10);
            folder.ShowsItsMetrics();
        }
    }

    /// <summary>The job returned to step 5 and comes by steps 8 and 10 again.</summary>
    [Fact]
    public void What_is_taken_back_is_shown_as_it_came_the_second_time()
    {
        Record(AttachAll);
        RunFiles.CutBack(folder.Path, 5, returns: 1, TimeProvider.System);
        using (RunFiles files =
            RunFiles.Open(RecordedRun.Describe(folder.Path), 5, TimeProvider.System))
        {
            RecordedRun.RecordRest(files, files.Begun);
            AttachAll(files);
            files.FinishAttachments(attachmentsDropped: 0);
            files.Close();
        }

        var shown = StrictEvents.ReadRun(folder.Path);
        Assert.Equal([4L, 8, 10], shown["weights/conv1"].Select(value => value.Step));
        IsWholeTest(shown, 4, 8, 10);
        Assert.Equal([1L, 6], shown["environment"].Select(value => value.Step));
        Assert.Single(folder.EventPaths.SelectMany(path => StrictEvents.Read(path).Graphs));
        folder.ShowsItsMetrics();
    }

    private static void AttachAll(RunFiles files)
    {
        for (int epoch = 1; epoch <= 3; epoch++)
        {
            files.Attach(Summary(SampleTest.EndOf(epoch)));
            files.Attach(SampleTest.Attachment(Share(epoch, 0, 2)));
            files.Attach(SampleTest.Attachment(Share(epoch, 1, 2)));
        }
    }

    private static void IsWholeTest(
        SortedDictionary<string, List<StrictValue>> shown, params long[] steps)
    {
        (string Tag, string Kind)[] expected =
        [
            ("test/confusion", "images"), ("test/mistakes", "images"),
            ("test/confusion_table", "text"),
            .. Names.Select(name => ($"pr/{name}", "pr_curves")),
            .. Names.Select(name => ($"accuracy_by_class/{name}", "scalars")),
        ];
        foreach ((string tag, string kind) in expected)
        {
            Assert.Equal(steps, shown[tag].Select(value => value.Step));
            Assert.Equal(kind, shown[tag][0].Kind);
        }
    }

    private static byte[] PictureIn(StrictValue value) => value.Fields.Message(4).Bytes(4);

    private static TestShare Share(int epoch, int rest, int shares) =>
        SampleTest.Share(epoch, rest, shares, total: 60, Names, Shape);

    private static RunAttachment Summary(long step) => Of(
        AttachmentKind.Summary, step,
        new SummaryBuilder().Histogram("weights/conv1", HistogramCounts.Of([1, 2, step]))
            .ToBytes());

    private static RunAttachment Of(
        AttachmentKind kind, long step, byte[] payload, string name = "") =>
        new(step, kind, name, payload);

    /// <summary>The run of <see cref="RecordedRun"/>, to its end.</summary>
    private void Record(Action<RunFiles> attach)
    {
        using RunFiles files =
            RunFiles.Open(RecordedRun.Describe(folder.Path), TimeProvider.System);
        RecordedRun.RecordRest(files, files.Begun);
        attach(files);
        files.FinishAttachments(attachmentsDropped: 0);
        files.Close();
    }
}
