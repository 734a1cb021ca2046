using Distributed.Cluster.Jobs;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Storage;
using Distributed.Simulation.Training;

namespace Distributed.Simulation.Checks;

/// <summary>That every step is the one step that it can be, whoever commits it and when.</summary>
internal sealed partial class Checker
{
    private readonly Dictionary<ulong, RunProgress> runs = [];
    private readonly Dictionary<(int Life, ulong Job), int> promised = [];
    private readonly Dictionary<ulong, JoinedRanks> joined = [];
    private readonly Dictionary<ulong, (int Generation, long Step)> pausedAt = [];

    /// <summary>Different steps that were committed, over all runs.</summary>
    public long StepsCommitted { get; private set; }

    public void Register(ReferenceRun reference) =>
        runs.TryAdd(reference.Seed, new RunProgress(reference) { Step = reference.FirstStep });

    public RunProgress ProgressOf(ulong runSeed) => runs[runSeed];

    public void OnLoaded(ulong runSeed, PrepareJob order, ModelState loaded)
    {
        // One that counts may have taken its place while the order was on its way.
        Expect(
            loaded.Step == order.Step
                || (loaded.Step > order.Step
                    && loaded.Step <= World.Store.Find(order.Job)?.CheckpointStep),
            "checkpoints",
            $"{order.CheckpointFolder} holds step {loaded.Step}, not {order.Step}");
        ExpectClean(runSeed, loaded, order.CheckpointFolder);
        Compare(runSeed, loaded, order.CheckpointFolder);
    }

    public void OnJoined(SimulatedTraining port, ulong runSeed, Generation generation)
    {
        Expect(
            port.State.Step == generation.Start.Step, "steps",
            $"{port.Life.Machine.Name} joined generation {generation.Number} of step "
            + $"{generation.Start.Step} with the state of step {port.State.Step}");
        Compare(runSeed, port.State, port.Life.Machine.Name);
        RunProgress run = runs[runSeed];
        if (generation.Number > World.Store.Find(port.Job)?.ReturnedFrom && !run.IsTainted)
            ExpectClean(runSeed, port.State, port.Life.Machine.Name);
        NoteJoined(run, port, generation);
    }

    /// <summary>
    /// A worker's memory has changed: until the job returns to a checkpoint its run may go astray.
    /// </summary>
    public void OnCorrupted(SimulatedTraining port, ulong runSeed)
    {
        Note($"{port.Life.Machine.Name} is corrupted after step {port.State.Step}");
        runs[runSeed].IsTainted = true;
        // Others may be about to copy its state, and then hold the same.
        if (joined.TryGetValue(port.Job, out JoinedRanks? ranks))
            ranks.Hashes[port.Life.Number] = port.State.Hash;
    }

    /// <summary>A state is saved between two generations, with nobody to compare it with.</summary>
    public void OnSavedAlone(ulong runSeed) =>
        runs[runSeed].HasEscaped |= runs[runSeed].IsTainted;

    /// <summary>It is taken on anew: nothing of what it held before is left to keep.</summary>
    public void OnPrepares(ProcessLife life, ulong job) => promised.Remove((life.Number, job));

    public void OnPromised(ProcessLife life, ulong job, int generation) =>
        promised[(life.Number, job)] = generation;

    public void OnCommitted(
        SimulatedTraining port, ulong runSeed, JobDescription job, Membership place,
        ModelState state, IReadOnlyList<Contribution?> parts)
    {
        string name = port.Life.Machine.Name;
        World.Scheduler.Trace(state.Hash);
        Expect(
            promised.GetValueOrDefault((port.Life.Number, port.Job)) <= place.Number,
            "generations",
            $"{name} commits step {state.Step} of generation {place.Number} after its promise");
        int nextShard = 0;
        SampleRange whole = SampleOrder.OfStep(job, state.Step);
        long nextSample = whole.First;
        for (int rank = 0; rank < parts.Count; rank++)
        {
            if (parts[rank] is not { } part)
            {
                Fail("shards", $"{name} commits step {state.Step} without rank {rank}");
                return;
            }

            Expect(
                part.Generation == place.Number && part.Job == port.Job, "generations",
                $"{name} uses a contribution of generation {part.Generation} in generation "
                + $"{place.Number}");
            Expect(
                part.Step == state.Step && part.Shards.First == nextShard, "shards",
                $"{name} commits step {state.Step} with shards {part.Shards} of step {part.Step} "
                + $"after shard {nextShard}");
            Expect(
                part.Samples.First == nextSample, "samples",
                $"{name} commits step {state.Step} with samples from {part.Samples.First} on "
                + $"after {nextSample}");
            nextShard = part.Shards.End;
            nextSample = part.Samples.End;
        }

        Expect(
            nextShard == job.LogicalShards && nextSample == whole.End, "shards",
            $"{name} commits step {state.Step} with {nextShard} shards up to sample {nextSample}");
        ExpectPause(port.Job, place.Number, state.Step, parts, name);
        Compare(runSeed, state, name);
        RunProgress run = runs[runSeed];
        run.AdvancedNs = scheduler.NowNs;
        NoteSweepAdvances(port.Job);
        if (state.Step <= run.Step)
            return;
        Expect(
            state.Step == run.Step + 1, "steps", $"step {state.Step} follows step {run.Step}");
        run.Step = state.Step;
        StepsCommitted++;
    }

    /// <summary>Whatever a rank voted to pause for, its generation ends with that step.</summary>
    private void ExpectPause(
        ulong job, int generation, long step, IReadOnlyList<Contribution?> parts, string name)
    {
        if (pausedAt.TryGetValue(job, out var agreed) && agreed.Generation == generation)
        {
            Expect(
                step <= agreed.Step, "pauses",
                $"{name} commits step {step} of generation {generation}, whose ranks had agreed to "
                + $"pause after step {agreed.Step}");
        }
        else if (parts.Any(part => part!.Votes.Yield))
        {
            pausedAt[job] = (generation, step);
        }
    }

    public void OnRecorded(JobDescription job, LogEntry entry, RunLog log)
    {
        RunProgress run = runs[World.RunSeedOf(job)];
        ReferenceRun reference = run.Reference;
        if (entry is StepEntry { Record: var record })
        {
            bool isRight = record.Loss == reference.LossAt(record.Step)
                && record.Correct == reference.CorrectAt(record.Step);
            if (!isRight)
                log.NoteWrong(record.Step);
            Expect(
                isRight || run.MayBeWrong, "metrics",
                $"step {record.Step} is recorded with loss {record.Loss}, not "
                + $"{reference.LossAt(record.Step)}");
        }
        else if (entry is EpochEntry { Epoch: var epoch })
        {
            ulong hash = reference.StateAt(epoch.Step).Hash;
            (double loss, double accuracy) = Evaluation.Total(hash, job.TestBatches);
            bool isRight = epoch.TestLoss == loss && epoch.TestAccuracy == accuracy
                && epoch.TrainLoss == Evaluation.TrainLoss(hash, epoch.Epoch)
                && epoch.Step == Math.Min(
                    epoch.Epoch * job.Schedule.StepsPerEpoch, job.Schedule.StepsTotal);
            if (!isRight)
                log.NoteWrong(epoch.Step);
            Expect(
                isRight || run.MayBeWrong, "metrics",
                $"{epoch} should have test loss {loss} and accuracy {accuracy}");
        }
    }

    /// <summary>Whether a checkpoint is there and holds what it says.</summary>
    private void ExpectCheckpoint(JobDescription job, long step, string path)
    {
        if (path.Length == 0 && step == 0)
            return;
        ModelState? found = World.Disk.ReadCheckpoint(path);
        Expect(
            found is not null && found.Step == step, "checkpoints",
            $"{path} is announced as step {step} but holds {found?.Step ?? -1}");
        if (found is null)
            return;
        ulong runSeed = World.RunSeedOf(job);
        ExpectClean(runSeed, found, path);
        Compare(runSeed, found, path);
        RunLog log = World.Disk.LogOf(job.RunFolder);
        Expect(
            log.FirstWrongStep > step || runs[runSeed].HasEscaped, "consensus",
            $"{path} counts, but the record is wrong about step {log.FirstWrongStep}");
    }

    /// <summary>
    /// Where all ranks of a generation begin with the same state, nothing that happened to a rank
    /// before can be found by comparing them any more: no coordinator can be blamed for that.
    /// </summary>
    private void NoteJoined(RunProgress run, SimulatedTraining port, Generation generation)
    {
        if (!joined.TryGetValue(port.Job, out JoinedRanks? ranks)
            || ranks.Generation != generation.Number)
            joined[port.Job] = ranks = new JoinedRanks(generation.Number);
        ranks.Hashes[port.Life.Number] = port.State.Hash;
        if (run.IsTainted && ranks.Hashes.Count == generation.Ranks.Count
            && ranks.Hashes.Values.Distinct().Count() == 1)
        {
            Note($"the corruption of job {port.Job:x16} cannot be found any more");
            run.HasEscaped = true;
        }
    }

    private void ExpectClean(ulong runSeed, ModelState state, string where) => Expect(
        !state.IsVoid || runs[runSeed].HasEscaped, "consensus",
        $"{where} holds a void state after step {state.Step}");

    private void Compare(ulong runSeed, ModelState state, string where)
    {
        // What follows from corrupted memory differs, of course.
        if (state.IsVoid)
            return;
        ModelState expected = runs[runSeed].Reference.StateAt(state.Step);
        Expect(
            expected.Hash == state.Hash, "bits",
            $"{where} has {state.Hash:x16} after step {state.Step}, not {expected.Hash:x16}");
    }
}

/// <summary>How far a run is, whoever runs it.</summary>
internal sealed class RunProgress(ReferenceRun reference)
{
    public ReferenceRun Reference => reference;

    public long Step { get; set; }

    /// <summary>Something was corrupted, and the job has not returned to a checkpoint
    /// since.</summary>
    public bool IsTainted { get; set; }

    /// <summary>The job is returning to a checkpoint: the record may not be cut back yet.</summary>
    public bool IsReturning { get; set; }

    /// <summary>Something was corrupted, and nobody could have found out.</summary>
    public bool HasEscaped { get; set; }

    public bool MayBeWrong => IsTainted || IsReturning || HasEscaped;

    /// <summary>When a step was last committed, for the first time or again.</summary>
    public long AdvancedNs { get; set; }
}

/// <summary>What the ranks of a generation hold as they join it, by process.</summary>
internal sealed class JoinedRanks(int generation)
{
    public int Generation => generation;

    public Dictionary<int, ulong> Hashes { get; } = [];
}
