using Distributed.Cluster.Workers;
using Distributed.Runtime.Showing;
using Distributed.Runtime.Tests.Workers;
using Distributed.Telemetry;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Runtime.Tests.Showing;

/// <summary>
/// Pictures of large images are small enough to be sent: what is larger than all that may wait for
/// the coordinator would be dropped each time.
/// </summary>
[Collection(WholeProcessCollection.Name)]
public sealed class LargeImagesTests : IDisposable
{
    /// <summary>What a worker keeps waiting for its coordinator, and drops beyond.</summary>
    private const int WaitingBytesMax = 4 << 20;

    private const int Side = 256;

    private readonly string folder = Directory.CreateTempSubdirectory("large-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void SamplesAndActivationsFitIntoTheOutbox()
    {
        TestImages.Write(folder);
        var random = new Random(1);
        var shape = new ImageShape(3, Side, Side);
        var pixels = new byte[shape.Length];
        foreach (string file in Directory.GetFiles(folder, "*.png", SearchOption.AllDirectories))
        {
            random.NextBytes(pixels);
            File.WriteAllBytes(file, PngImage.Encode(pixels, shape));
        }

        RunSpec spec = RunSpecReader.Read(
            $$"""
            dataset: {name: {{folder}}}
            globalBatch: 16
            augmentation: {horizontalFlip: true}
            model: {layers: [conv: {filters: 16, kernel: 3}, flatten, linear: classes]}
            """, "test");
        using DatasetPair data = SpecifiedDataset.Open(spec.Dataset);
        Network network = Network.Resolve(spec.Model, data.Shape, data.ClassCount);
        TorchLibrary.Initialize(1, "cpu");
        using var session = new TrainingSession(spec, network, data);
        using var snapshot = new ModelSnapshot(session.State.Model);
        Assert.True(snapshot.TryTake(session));
        using var activations = new ActivationPictures(network, data);
        var samples = new SummaryBuilder();
        SamplePictures.Add(spec, data, samples);
        List<byte[]> all = [samples.ToBytes()];

        activations.AddTo(snapshot, layer => all.Add(layer.ToBytes()), CancellationToken.None);

        Assert.Equal(2, all.Count);
        Assert.All(all, one => Assert.InRange(
            one.Length, 1, WaitingBytesMax - 1));
        Assert.All(all, one => Assert.Empty(AttachedSummary.Parse(one, _ => false).Refused));
    }
}
