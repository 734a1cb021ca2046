using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Runtime.Recording;
using Distributed.Telemetry;
using Distributed.Torch;
using Distributed.Training.Checkpoints;
using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Dashboard.Tests;

/// <summary>
/// A run folder of a real training in this process: three classes of drawn images, two epochs, one
/// rank. The dataset has a cache of its own.
/// </summary>
public sealed class TinyRun : IDisposable
{
    public const string HostileClass = "<script>alert(1)<";
    public const int TestSamples = 30;

    private static readonly string[] s_classes = ["top", "middle", HostileClass];

    private readonly TemporaryFolder _folder = new();
    private readonly string? _cacheBefore =
        Environment.GetEnvironmentVariable(DatasetCatalog.CacheVariable);

    public TinyRun()
    {
        Environment.SetEnvironmentVariable(DatasetCatalog.CacheVariable, _folder.PathOf("cache"));
        DrawImages("train", 24);
        DrawImages("test", TestSamples / 3);
        Directory.CreateDirectory(Folder);
        RunSpec spec = RunSpecReader.Read(
            $"""
            name: tiny
            dataset: '{ImageFolder}'
            model:
              name: tiny-cnn
              layers:
              - conv: {"{"}filters: 4, kernel: 3{"}"}
              - relu
              - maxPool: 2
              - flatten
              - linear: classes
            optimizer: {"{"}kind: adam, learningRate: 3e-3{"}"}
            epochs: 2
            globalBatch: 12
            logicalShards: 2
            threadsPerWorker: 1
            device: cpu
            """,
            "tiny.yaml");
        TorchLibrary.Initialize(1, "cpu");
        using DatasetPair data = SpecifiedDataset.Open(spec.Dataset);
        Train(spec, data);
    }

    public string Folder => _folder.PathOf("run <1>");

    public string ImageFolder => _folder.PathOf("images");

    /// <summary>As the training itself measured it at the end.</summary>
    public double Accuracy { get; private set; }

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(DatasetCatalog.CacheVariable, _cacheBefore);
        _folder.Dispose();
    }

    private void Train(RunSpec spec, DatasetPair data)
    {
        var network = Network.Resolve(spec.Model, data.Shape, data.ClassCount);
        using var session = new TrainingSession(spec, network, data);
        session.Join(
            ReductionPlan.Create(ShardMap.Even(spec.LogicalShards, 1), ReductionOrder.Exact), 0,
            new CollectiveScope(1, 1), transport: null);
        var numerics = new NumericsFingerprint(
            1, "2.0", "Haswell", "AVX2", "0x0", "cpu", "fp32", 1, spec.GlobalBatch,
            spec.LogicalShards, 6, "exact");
        new RunRecord(spec, "0123456789abcdef", numerics).Save(Folder);
        using var metrics = new MetricsFile(Path.Combine(Folder, MetricsFile.FileName));
        long steps = spec.EpochCount * session.StepsPerEpoch;
        for (long step = 1; step <= steps; step++)
        {
            int epoch = (int)((step - 1) / session.StepsPerEpoch) + 1;
            StepResult result = session.Step(step);
            Write(metrics, new StepLine(
                step, epoch, result.Loss,
                (double)result.Correct / result.Samples, result.LearningRate));
            Write(metrics, new TimesLine(
                step, new ReportOrigin(7, step, 0), 1, result.ComputeMs, 0.5, 0.25, 2, 1, 1000));
            if (step % session.StepsPerEpoch == 0)
                EndEpoch(session, metrics, epoch, step);
        }
        Write(metrics, new DoneLine(
            steps, steps * spec.GlobalBatch, Accuracy, 0.5, session.State.ParametersSha256(), 1000,
            1, 0, 0, 2.5));
        Save(session, spec, numerics, steps);
    }

    private void EndEpoch(TrainingSession session, MetricsFile metrics, int epoch, long step)
    {
        (double loss, double accuracy) = session.EpochSoFar();
        EvaluatedBatch[] batches = session.Evaluate();
        Accuracy = (double)batches.Sum(batch => batch.Correct) / TestSamples;
        Write(metrics, new EpochLine(new EpochCompleted(
            epoch, step, loss, accuracy, batches.Sum(batch => batch.LossSum) / TestSamples,
            Accuracy, 1.25)));
    }

    private static void Write(MetricsFile metrics, RunLine line) => metrics.Append(line.Fields);

    private void Save(
        TrainingSession session, RunSpec spec, NumericsFingerprint numerics, long steps)
    {
        ModelState state = session.State;
        new CheckpointStore(Folder, keep: 1, TimeProvider.System).Save(new CheckpointContent
        {
            Step = steps,
            Epoch = spec.EpochCount,
            Model =
            [
                .. state.Model.Parameters.Select(tensor => CheckpointTensor.Float32(
                    tensor.Name, tensor.Shape,
                    ModelState.Floats(state.Parameters, tensor).ToArray())),
            ],
            Optimizer = [],
            Progress = new Dictionary<string, double>(),
            SpecificationHash = spec.ResultHash(),
            Numerics = numerics,
        });
    }

    /// <summary>A bright band, for each class in another place, with noise.</summary>
    private void DrawImages(string split, int countPerClass)
    {
        var shape = new ImageShape(1, 12, 12);
        for (int label = 0; label < s_classes.Length; label++)
        {
            string folder = Path.Combine(ImageFolder, split, s_classes[label]);
            Directory.CreateDirectory(folder);
            for (int index = 0; index < countPerClass; index++)
            {
                var pixels = new byte[shape.Length];
                for (int pixel = 0; pixel < pixels.Length; pixel++)
                {
                    ulong noise = CounterRandom.UInt64(
                        (ulong)(split.Length * 1000 + label * 100 + index), (ulong)pixel);
                    bool isBand = pixel / 12 / 4 == label;
                    pixels[pixel] = (byte)((isBand ? 60UL : 0UL) + noise % 190);
                }
                File.WriteAllBytes(
                    Path.Combine(folder, $"{index:D3}.png"), PngImage.Encode(pixels, shape));
            }
        }
    }
}
