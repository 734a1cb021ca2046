using System.Text;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Runtime.Showing;
using Distributed.Runtime.Tests.Workers;
using Distributed.Telemetry;
using Distributed.Torch;
using Distributed.Training.Checkpoints;
using Distributed.Training.Data;
using Distributed.Training.Inference;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Runtime.Tests.Showing;

/// <summary>
/// What a worker shows of a run is what the run is, and the run is the same whether it is shown or
/// not.
/// </summary>
[Collection(WholeProcessCollection.Name)]
public sealed class RunShowTests
{
    private const long LastStep = ShownRun.Epochs * ShownRun.StepsPerEpoch;

    [Fact]
    public async Task ARunThatIsShownHasTheBitsOfOneThatIsNotAndLeavesNothing()
    {
        // What initialises once is not counted.
        (await ShownRun.TrainAsync("scalars")).Dispose();
        long before = TorchLibrary.LiveHandles;
        using ShownRun shown = await ShownRun.TrainAsync("full");
        using ShownRun plain = await ShownRun.TrainAsync("scalars");

        Assert.Equal(plain.Sha256, shown.Sha256);
        Assert.Equal(
            plain.Answers.OfType<EvaluationDone>().Select(done => done.TestBatches[0]),
            shown.Answers.OfType<EvaluationDone>().Select(done => done.TestBatches[0]));
        Assert.Empty(plain.Attachments);
        Assert.Equal(before, TorchLibrary.LiveHandles);
    }

    [Fact]
    public async Task EachKindIsThereBeforeTheRunIsOver()
    {
        using ShownRun run = await ShownRun.TrainAsync("full");
        int over = run.Answers.ToList().FindIndex(answer => answer is ParametersReady);
        Assert.True(
            run.Answers.ToList().FindLastIndex(answer => answer is AttachmentReady) < over);
        Assert.Single(run.Attachments, one => one is { Kind: AttachmentKind.Graph, Step: 0 });
        Assert.Equal(
            [ShownRun.StepsPerEpoch, LastStep],
            run.Attachments.Where(one => one.Kind == AttachmentKind.Predictions)
                .Select(one => one.Step));
        Assert.Equal(
            [
                TestEmbedding.TensorFile, TestEmbedding.MetadataFile, TestEmbedding.SpriteFile,
                ProjectorConfig.FileName,
            ],
            run.Attachments.Where(one => one.Kind == AttachmentKind.ProjectorFile)
                .Select(one => one.Name));
        foreach (string tag in new[]
        {
            "samples/inputs", "samples/augmented", "weights/conv1.weight", "gradients/conv1.weight",
            "weights/fc2.bias", "gradients/fc2.bias", "filters/conv1.weight", "activations/conv1",
            "activations/conv2",
        })
        {
            Assert.Contains(
                run.Attachments, one => one.Kind == AttachmentKind.Summary
                    && one.Payload.Span.IndexOf(Encoding.UTF8.GetBytes(tag)) >= 0);
        }
    }

    [Fact]
    public async Task HistogramsAndFiltersAreThoseOfTheCheckpoint()
    {
        using ShownRun run = await ShownRun.TrainAsync("full");
        using LoadedCheckpoint checkpoint = CheckpointStore.Load(run.CheckpointFolder);
        var filters = new float[ShownRun.Filters * 9];
        checkpoint.Model.ReadFloat32("conv1.weight", filters);
        var bias = new float[3];
        checkpoint.Model.ReadFloat32("fc2.bias", bias);

        // A summary is the concatenation of its values.
        AssertShown(run, new SummaryBuilder().Histogram(
            "weights/conv1.weight", HistogramCounts.Of(filters)));
        AssertShown(run, new SummaryBuilder().Histogram(
            "weights/fc2.bias", HistogramCounts.Of(bias)));
        ImageTiles picture = ModelPictures.Draw(filters, [ShownRun.Filters, 1, 3, 3]);
        // Six filters of 3x3 pixels, each drawn as 10x10, in 3 columns with lines of one pixel.
        Assert.Equal(new ImageShape(1, (2 * 31) + 1, (3 * 31) + 1), picture.Picture);
        Assert.Contains(
            run.Attachments, one => one.Step == LastStep
                && one.Payload.Span.IndexOf(picture.ToPng()) >= 0);
    }

    [Fact]
    public async Task PredictionsAreThoseOfInferenceWithTheSameParameters()
    {
        using ShownRun run = await ShownRun.TrainAsync("full");
        using TrainedRun trained = TrainedRun.Open(run.Folder, SpecifiedDataset.Open, _ => { });
        using var classifier = new Classifier(trained);
        TestPredictions expected = TestPredictions.Of(
            trained, classifier, trained.Data.Test, CancellationToken.None);
        RunAttachment last = run.Attachments.Last(
            one => one.Kind == AttachmentKind.Predictions);
        TestShare share = Assert.IsType<TestShare>(TestShare.TryParse(last.Payload));

        Assert.Equal((ShownRun.Epochs, LastStep), (share.Epoch, share.Step));
        Assert.Equal(Enumerable.Range(0, TestImages.TestSamples), share.Indices);
        Assert.Equal(expected.Labels, share.Labels);
        Assert.Equal(expected.Predicted, share.Predicted);
        for (int sample = 0; sample < share.Count; sample++)
        {
            Assert.Equal(
                (byte)Math.Round(255 * (float)expected.Certainty[sample]),
                share.ProbabilitiesOf(sample)[share.Predicted[sample]]);
        }

        Assert.Equal(
            Enumerable.Range(0, share.Count).Count(
                sample => share.Labels[sample] != share.Predicted[sample]),
            share.Pictures.Count());
        foreach ((int index, ReadOnlyMemory<byte> pixels) in share.Pictures)
            Assert.True(pixels.Span.SequenceEqual(trained.Data.Test.Image(index)));
    }

    [Fact]
    public async Task TheEmbeddingHasALineAndAPictureForEachTestImage()
    {
        using ShownRun run = await ShownRun.TrainAsync("full");
        string[] points = Lines(run, TestEmbedding.TensorFile);
        Assert.Equal(TestImages.TestSamples, points.Length);
        Assert.All(points, point => Assert.Equal(16, point.Split('\t').Length));
        string[] metadata = Lines(run, TestEmbedding.MetadataFile);
        Assert.Equal(TestImages.TestSamples + 1, metadata.Length);

        TestShare share = TestShare.TryParse(run.Attachments.Last(
            one => one.Kind == AttachmentKind.Predictions).Payload)!;
        Assert.Equal(
            share.Labels.Zip(share.Predicted, (label, predicted) =>
                $"{share.ClassNames[label]}\t{share.ClassNames[predicted]}"),
            metadata.Skip(1).Select(line => string.Join('\t', line.Split('\t').Take(2))));
        ProjectorConfig config = ProjectorConfig.TryParse(
            string.Join('\n', Lines(run, ProjectorConfig.FileName)) + "\n")!;
        Assert.Equal(
            (TestImages.TestSamples, 16, 28, 28),
            (config.Embeddings[0].Points, config.Embeddings[0].Size,
                config.Embeddings[0].SpriteWidth, config.Embeddings[0].SpriteHeight));
    }

    /// <summary>Training's own shards, turned back into pixels, are the dataset's.</summary>
    [Fact]
    public void InputSamplesAreTheFirstBatchAsTheDatasetHasIt()
    {
        string folder = Directory.CreateTempSubdirectory("samples-").FullName;
        try
        {
            TestImages.Write(folder);
            RunSpec spec = RunSpecReader.Read(
                $"dataset: {{name: {folder}}}\nglobalBatch: 16\nlogicalShards: 2", "test");
            using DatasetPair data = SpecifiedDataset.Open(spec.Dataset);
            var plan = new BatchPlan(data.Train.Count, 16, 2, spec.Seed);
            var expected = new ImageTiles(data.Shape, 16, 8);
            for (int position = 0; position < 16; position++)
                expected.Set(position, data.Train.Image((int)plan.Sample(0, position)));

            Assert.Equal(
                expected.ToPng(),
                SamplePictures.Draw(spec, AugmentationSettings.None, data).ToPng());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void AssertShown(ShownRun run, SummaryBuilder expected) => Assert.Contains(
        run.Attachments, one => one.Step == LastStep
            && one.Payload.Span.IndexOf(expected.ToBytes()) >= 0);

    private static string[] Lines(ShownRun run, string name) => Encoding.UTF8.GetString(
        run.Attachments.Single(one => one.Name == name).Payload.Span).TrimEnd('\n').Split('\n');
}
