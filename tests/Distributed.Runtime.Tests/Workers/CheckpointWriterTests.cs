using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Runtime.Workers;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Runtime.Tests.Workers;

/// <summary>
/// Goal: a checkpoint holds all that the next steps depend on: the optimizer's state, a slow copy
/// of the parameters, filters that came from the images. Method: a session that goes on from a
/// checkpoint ends with the bits of one that never stopped.
/// </summary>
public sealed class CheckpointWriterTests : IDisposable
{
    private const int Steps = 9;
    private const int StepSaved = 5;

    private const string Sgd = "sgd, momentum: 0.85, groups: {norms: 8}, lookahead: 2";
    private const string Muon = "muon, learningRate: 0.24, momentum: 0.6, groups: {linear: 2}";
    private const string AdamW = "adamw, lookahead: {everySteps: 3, finalDecay: 0.5}";

    private static readonly NumericsFingerprint Numerics = new(
        2, "1.13.1", "Haswell", "AVX2", "AVX2", "cpu", "fp32", 1, 40, 4, 10, "exact");

    private readonly string _folder = Directory.CreateTempSubdirectory("checkpoints-").FullName;

    public CheckpointWriterTests()
    {
        TorchLibrary.Initialize(threadCount: 1);
        TestImages.Write(Path.Combine(_folder, "images"));
    }

    [Theory]
    [InlineData(Sgd, TrainerKind.Host)]
    [InlineData(Muon, TrainerKind.Host)]
    [InlineData(AdamW, TrainerKind.Host)]
    [InlineData(Sgd, TrainerKind.Device)]
    [InlineData(Muon, TrainerKind.Device)]
    [InlineData(AdamW, TrainerKind.Device)]
    public void ARunThatIsResumedEndsAsIfItHadNeverStopped(string optimizer, TrainerKind trainer)
    {
        RunSpec spec = Spec(optimizer);
        using DatasetPair data = SpecifiedDataset.Open(spec.Dataset);
        using TrainingSession whole = NewSession(spec, data, trainer);
        string? saved = null;
        using (var writer = Writer(spec, whole))
        {
            Train(whole, StepSaved);
            Exception? failure = null;
            writer.Save(StepSaved, 0, path => saved = path, reason => failure = reason);
            Train(whole, Steps);
            writer.Dispose();
            Assert.Null(failure);
        }

        using TrainingSession resumed = NewSession(spec, data, trainer);
        using (var writer = Writer(spec, resumed))
            writer.Restore(saved!);
        Assert.Equal(StepSaved, resumed.State.Step);
        Assert.NotEqual(whole.State.ParametersSha256(), resumed.State.ParametersSha256());
        Train(resumed, Steps);
        Assert.Equal(whole.State.ParametersSha256(), resumed.State.ParametersSha256());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private RunSpec Spec(string optimizer) => RunSpecReader.Read(
        $$"""
        dataset: {name: {{Path.Combine(_folder, "images")}}}
        globalBatch: 40
        logicalShards: 4
        augmentation: {cropPadding: 2, reflectPadding: true, horizontalFlip: alternating}
        model:
          initialization: dirac
          layers:
            - whitening: {biasEpochs: 2}
            - gelu
            - conv: {filters: 8, kernel: 3, bias: false}
            - maxPool: 3
            - batchNorm: {momentum: 0.4, scale: false}
            - flatten
            - linear: classes
            - scale: 0.25
        optimizer: {kind: {{optimizer}}}
        """,
        "test", []);

    private CheckpointWriter Writer(RunSpec spec, TrainingSession session) => new(
        Path.Combine(_folder, "run"), 0, spec, Numerics, session.State, session.StepsPerEpoch,
        TimeProvider.System);

    private static TrainingSession NewSession(
        RunSpec spec, DatasetPair data, TrainerKind trainer)
    {
        var session = new TrainingSession(
            spec, Network.Resolve(spec.Model, data.Shape, data.ClassCount), data, trainer);
        session.Join(
            ReductionPlan.Create(ShardMap.Even(4, 1), ReductionOrder.Exact), 0,
            new CollectiveScope(1, 1), transport: null);
        return session;
    }

    private static void Train(TrainingSession session, int until)
    {
        while (session.State.Step < until)
            session.Step(session.State.Step + 1);
    }
}
