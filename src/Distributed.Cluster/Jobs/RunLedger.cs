using Distributed.Kernel;

namespace Distributed.Cluster.Jobs;

/// <summary>
/// Puts what all ranks report on record once: each step, each epoch, and each worker's times.
/// Remembers which reports may be confirmed when what was recorded is durable.
/// </summary>
internal sealed class RunLedger(IRunRecorder recorder, JobDescription description)
{
    private readonly SortedDictionary<ulong, long> sequences = [];
    private readonly SortedDictionary<ulong, long> received = [];
    private readonly SortedDictionary<ulong, long> unconfirmed = [];
    private readonly Queue<(long Mark, KeyValuePair<ulong, long>[] Reports)> committing = [];
    private readonly List<EpochCompleted> epochs = [];
    private long epochStartedNs;
    private double trainingMs;
    private long samples;

    /// <summary>The mark of the last commit.</summary>
    public long LastMark { get; private set; }

    /// <summary>The mark of the last commit that is durable.</summary>
    public long DurableMark { get; private set; }

    /// <summary>The last step on record.</summary>
    public long LastStep { get; private set; }

    public IReadOnlyList<EpochCompleted> Epochs => epochs;

    /// <summary>The epochs on record: the last one's number.</summary>
    public int EpochsEvaluated => epochs.Count == 0 ? 0 : epochs[^1].Epoch;

    public double ImagesPerSecond => trainingMs > 0 ? samples / trainingMs * 1e3 : 0;

    public void Open(RecordingBegun begun, long nowNs)
    {
        Forget();
        LastStep = Math.Max(begun.LastStep, description.StartStep);
        epochs.AddRange(begun.Epochs);
        foreach ((ulong incarnation, long sequence) in begun.LastSequences)
            sequences[incarnation] = sequence;
        epochStartedNs = nowNs;
    }

    /// <summary>
    /// Nothing of what has come counts any more: what does is what the recorder finds on record.
    /// </summary>
    public void Forget()
    {
        sequences.Clear();
        received.Clear();
        unconfirmed.Clear();
        committing.Clear();
        epochs.Clear();
    }

    /// <summary>Records what is new; returns the steps that are.</summary>
    public IReadOnlyList<StepRecord> Add(ReportOrigin origin, StepsCommitted report)
    {
        if (IsNew(origin))
            recorder.Times(origin, report);
        List<StepRecord> news = [];
        foreach (StepRecord step in report.Steps)
        {
            if (step.Step <= LastStep)
                continue;
            Invariant.Check(step.Step == LastStep + 1, "steps go on record without a gap");
            LastStep = step.Step;
            trainingMs += step.StepMs;
            samples += step.Samples;
            news.Add(step);
        }

        if (news.Count > 0)
            recorder.Steps(news);
        return news;
    }

    /// <summary>Records an epoch; null where it is on record already.</summary>
    public EpochCompleted? Add(ReportOrigin origin, EpochEvaluated report, long nowNs)
    {
        Remember(origin);
        if (report.Epoch <= EpochsEvaluated)
            return null;
        (double loss, double accuracy) = Total(report.TestBatches);
        var epoch = new EpochCompleted(
            report.Epoch, report.Step, report.TrainLoss, report.TrainAccuracy, loss, accuracy,
            (nowNs - epochStartedNs) / 1e9);
        epochStartedNs = nowNs;
        epochs.Add(epoch);
        recorder.Epoch(epoch);
        return epoch;
    }

    /// <summary>Notes a report that has nothing for the record.</summary>
    public void Remember(ReportOrigin origin)
    {
        received[origin.Incarnation] = origin.Sequence;
        unconfirmed[origin.Incarnation] = origin.Sequence;
    }

    /// <summary>Has a worker's reports confirmed with the next commit, once more.</summary>
    public void Confirm(ulong incarnation)
    {
        if (received.TryGetValue(incarnation, out long sequence))
            unconfirmed[incarnation] = sequence;
    }

    /// <summary>Makes all that has come since the last time durable.</summary>
    public void Commit()
    {
        if (unconfirmed.Count == 0)
            return;
        recorder.Commit(++LastMark);
        committing.Enqueue((LastMark, [.. unconfirmed]));
        unconfirmed.Clear();
    }

    /// <summary>The reports that may be confirmed: the last of each worker.</summary>
    public IEnumerable<KeyValuePair<ulong, long>> Durable(RecordingDurable durable)
    {
        DurableMark = durable.Mark;
        while (committing.TryPeek(out var oldest) && oldest.Mark <= durable.Mark)
        {
            foreach (KeyValuePair<ulong, long> report in committing.Dequeue().Reports)
                yield return report;
        }
    }

    /// <summary>The newest epoch on record up to a step; null where there is none.</summary>
    public EpochCompleted? LastEpochAt(long step) =>
        epochs.LastOrDefault(epoch => epoch.Step <= step);

    public RunCompleted Summary(
        WorkResult result, int generations, long stepsRedone, double seconds)
    {
        StepSchedule schedule = description.Schedule;
        EpochCompleted? last = LastEpochAt(LastStep);
        return new RunCompleted(
            LastStep, SamplesIn(LastStep, schedule), last?.TestAccuracy ?? double.NaN,
            last?.TestLoss ?? double.NaN, result.ParametersSha256, ImagesPerSecond, generations,
            stepsRedone, StepsLost: schedule.StepsTotal - LastStep, seconds,
            description.RunFolder, last);
    }

    private bool IsNew(ReportOrigin origin)
    {
        Remember(origin);
        bool isNew = origin.Sequence > sequences.GetValueOrDefault(origin.Incarnation);
        if (isNew)
            sequences[origin.Incarnation] = origin.Sequence;
        return isNew;
    }

    private long SamplesIn(long steps, StepSchedule schedule)
    {
        long whole = steps / schedule.StepsPerEpoch;
        long rest = steps % schedule.StepsPerEpoch * description.GlobalBatch;
        return whole * description.TrainSamples + Math.Min(rest, description.TrainSamples);
    }

    /// <summary>
    /// Adds batches in their own order, so that the result does not depend on who had which.
    /// </summary>
    private (double Loss, double Accuracy) Total(IReadOnlyList<TestBatchResult> batches)
    {
        Invariant.Check(
            batches.Count == description.TestBatches, "an evaluation covers every test batch");
        double loss = 0;
        long correct = 0;
        long tested = 0;
        for (int index = 0; index < batches.Count; index++)
        {
            Invariant.Check(batches[index].Batch == index, "test batches come in their order");
            loss += batches[index].LossSum;
            correct += batches[index].Correct;
            tested += batches[index].Samples;
        }

        return tested == 0
            ? (double.NaN, double.NaN)
            : (loss / tested, (double)correct / tested);
    }
}
