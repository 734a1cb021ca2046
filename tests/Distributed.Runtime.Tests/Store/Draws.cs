using System.Text;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Collectives.Reduction;

namespace Distributed.Runtime.Tests.Store;

/// <summary>Records with any content that their types allow.</summary>
internal sealed class Draws(int seed)
{
    private static readonly string[] Fragments =
        ["", "a", "epoch 3", "\"", "\\", "\n", "'; --", "{\"kind\":", "é", "漢", "🦊", "</", "\t"];

    private static readonly double[] Doubles =
    [
        double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.MaxValue,
        double.Epsilon, -0.0, 0.1, 1e23,
    ];

    private readonly Random _random = new(seed);

    public int Below(int limit) => _random.Next(limit);

    public ulong Number() => unchecked((ulong)_random.NextInt64(long.MinValue, long.MaxValue));

    public string Text()
    {
        var text = new StringBuilder();
        for (int count = Below(4); count > 0; count--)
            text.Append(Fragments[Below(Fragments.Length)]);
        return text.ToString();
    }

    public JobDescription Description() => new(
        Text(), Text(), Text(), Integer(), Integer(), Integer(),
        Below(2) == 0 ? ReductionOrder.Exact : ReductionOrder.Fast, Integer(), Count(), Integer(),
        new StepSchedule(Count(), Count(), Count(), Count(), Count()), Below(20), Text(), Text(),
        Count(), Text());

    public Generation Generation(ulong job, int number) => new(
        job, number, Many(rank => new RankAssignment(rank, Worker(), new(Integer(), Integer()))),
        new StartPoint(Count(), Integer(), Count(), Text()));

    public RunEvent Outcome() => Below(3) switch
    {
        0 => new RunCompleted(
            Count(), Count(), Real(), Real(), Text(), Real(), Integer(), Count(), Count(), Real(),
            Text()),
        1 => new RunInterrupted(Count(), Text(), Below(2) == 0 ? null : Epoch()),
        _ => new RunFailed(Integer(), Text()),
    };

    public EpochCompleted Epoch() =>
        new(Integer(), Count(), Real(), Real(), Real(), Real(), Real());

    /// <summary>A decision that follows on others about the job, as one actor takes them.</summary>
    public JobDecision Decision(StoredJob job) => Below(12) switch
    {
        < 3 => new GenerationDecided(
            job.Job, Generation(job.Job, (job.Generation?.Number ?? 0) + 1 + Below(3)), Text(),
            Count(), Text()),
        < 6 => new CheckpointRecorded(job.Job, Below(40), Text()),
        6 => new StopRequested(job.Job, Text()),
        7 when job.Generation is { } newest => new ReturnedToCheckpoint(
            job.Job, newest.Number, job.CheckpointStep, Many(_ => Number()), Text(), Count()),
        8 => new JobPaused(job.Job, Text()),
        9 => new JobResumed(job.Job),
        10 => new JobScaled(job.Job, Integer()),
        _ => new JobConcluded(job.Job, Outcome()),
    };

    private WorkerIdentity Worker() =>
        new(Text(), Number(), Text(), Integer(), Text(), Many(_ => Text()));

    private T[] Many<T>(Func<int, T> draw) => [.. Enumerable.Range(0, Below(4)).Select(draw)];

    private int Integer() => unchecked((int)Number()) >> Below(32);

    private long Count() => unchecked((long)Number()) >> Below(64);

    private double Real() => Below(2) == 0
        ? Doubles[Below(Doubles.Length)]
        : BitConverter.UInt64BitsToDouble(Number());
}
