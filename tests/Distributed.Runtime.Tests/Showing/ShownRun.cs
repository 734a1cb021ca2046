using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Security;
using Distributed.Runtime.SharedMemory;
using Distributed.Runtime.Tests.Workers;
using Distributed.Runtime.Workers;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Tests.Showing;

/// <summary>
/// A run of two epochs by one rank behind the training port, and all that the port answered. Its
/// network has what could tell whether somebody looked: dropout, batch norm, augmentation.
/// </summary>
internal sealed class ShownRun : IDisposable
{
    public const int StepsPerEpoch = 4;
    public const int Epochs = 2;
    public const int Filters = 6;

    private const ulong Job = 7;
    private const int Shards = 4;

    private readonly List<object> _answers = [];

    private ShownRun(string folder) => Folder = folder;

    public string Folder { get; }

    public IReadOnlyList<object> Answers => _answers;

    public IReadOnlyList<RunAttachment> Attachments =>
        [.. _answers.OfType<AttachmentReady>().Select(ready => ready.Attachment)];

    public string Sha256 => _answers.OfType<ParametersReady>().Single().Sha256;

    public string CheckpointFolder => _answers.OfType<CheckpointDone>().Single().Path;

    /// <summary>Writes a checkpoint of the last step, and the run's record.</summary>
    public static async Task<ShownRun> TrainAsync(string level)
    {
        string folder = Directory.CreateTempSubdirectory("shown-run-").FullName;
        TestImages.Write(Path.Combine(folder, "images"));
        var run = new ShownRun(folder);
        string yaml = Specification(folder, level);
        new RunRecord(RunSpecReader.Read(yaml, "test"), null, null).Save(folder);
        var probe = new Store.AnswerProbe();
        using (var thread = new TrainingThread(
            new DataPlaneHub(RpcSecurity.None), new SharedMemoryHub(), TimeProvider.System))
        {
            thread.Prepare(Order(folder, yaml), probe);
            thread.Join(new FormGeneration(Job, Alone(), 0));
            for (int step = 1; step <= Epochs * StepsPerEpoch; step++)
            {
                thread.RunStep(step, default, hashParameters: false);
                if (step % StepsPerEpoch == 0)
                    thread.Evaluate(step / StepsPerEpoch);
            }

            thread.SaveCheckpoint(Epochs * StepsPerEpoch, write: true, stepKept: 0);
            thread.HashParameters();
            while (!run.IsOver)
                run._answers.Add(await probe.NextAsync());
        }

        return run;
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private bool IsOver => _answers.Any(answer => answer is TrainingFailed)
        ? throw new InvariantException($"the run failed: {_answers[^1]}")
        : _answers.OfType<ParametersReady>().Any() && _answers.OfType<CheckpointDone>().Any();

    private static string Specification(string folder, string level) => $$"""
        dataset: {name: {{Path.Combine(folder, "images")}}}
        globalBatch: 32
        logicalShards: {{Shards}}
        epochs: {{Epochs}}
        tensorboard: {{level}}
        augmentation: {cropPadding: 2, horizontalFlip: true}
        model:
          layers:
          - conv: {filters: {{Filters}}, kernel: 3, padding: same, bias: false}
          - batchNorm
          - relu
          - maxPool: 4
          - conv: {filters: 20, kernel: 3}
          - relu
          - dropout: 0.3
          - flatten
          - linear: 16
          - relu
          - linear: classes
        """;

    private static PrepareJob Order(string folder, string yaml) => new(
        Job,
        new JobDescription(
            "test", yaml, folder, 1, 1, Shards, ReductionOrder.Exact, 32,
            TestImages.TrainSamples, 1,
            new StepSchedule(Epochs * StepsPerEpoch, StepsPerEpoch, StepsPerEpoch, 0), 0, "", "",
            0, ""),
        0, "", Returns: 0);

    private static Generation Alone() => new(
        Job, 1,
        [
            new RankAssignment(
                0, new WorkerIdentity("w0", 1, "host", Environment.ProcessId, "w0:1", []),
                new ShardRange(0, Shards)),
        ],
        new StartPoint(0, 0, 0, ""));
}
