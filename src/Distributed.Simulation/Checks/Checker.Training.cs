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

    /// <summary>Different steps that were committed, over all runs.</summary>
    public long StepsCommitted { get; private set; }

    public void Register(ReferenceRun reference) =>
        runs.TryAdd(reference.Seed, new RunProgress(reference));

    public RunProgress ProgressOf(ulong runSeed) => runs[runSeed];

    public void OnLoaded(ulong runSeed, PrepareJob order, ModelState loaded)
    {
        Expect(
            loaded.Step == order.Step, "checkpoints",
            $"{order.CheckpointFolder} holds step {loaded.Step}, not {order.Step}");
        Compare(runSeed, loaded, order.CheckpointFolder);
    }

    public void OnJoined(SimulatedTraining port, ulong runSeed, Generation generation)
    {
        Expect(
            port.State.Step == generation.Start.Step, "steps",
            $"{port.Life.Machine.Name} joined generation {generation.Number} of step "
            + $"{generation.Start.Step} with the state of step {port.State.Step}");
        Compare(runSeed, port.State, port.Life.Machine.Name);
    }

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
        Compare(runSeed, state, name);
        RunProgress run = runs[runSeed];
        run.AdvancedNs = scheduler.NowNs;
        if (state.Step <= run.Step)
            return;
        Expect(
            state.Step == run.Step + 1, "steps", $"step {state.Step} follows step {run.Step}");
        run.Step = state.Step;
        StepsCommitted++;
    }

    public void OnRecorded(JobDescription job, LogEntry entry)
    {
        ReferenceRun reference = runs[World.RunSeedOf(job)].Reference;
        if (entry is StepEntry { Record: var record })
        {
            Expect(
                record.Loss == reference.LossAt(record.Step)
                    && record.Correct == reference.CorrectAt(record.Step), "metrics",
                $"step {record.Step} is recorded with loss {record.Loss}, not "
                + $"{reference.LossAt(record.Step)}");
        }
        else if (entry is EpochEntry { Epoch: var epoch })
        {
            ulong hash = reference.StateAt(epoch.Step).Hash;
            (double loss, double accuracy) = Evaluation.Total(hash, job.TestBatches);
            Expect(
                epoch.TestLoss == loss && epoch.TestAccuracy == accuracy
                    && epoch.TrainLoss == Evaluation.TrainLoss(hash, epoch.Epoch)
                    && epoch.Step == Math.Min(
                        epoch.Epoch * job.Schedule.StepsPerEpoch, job.Schedule.StepsTotal),
                "metrics", $"{epoch} should have test loss {loss} and accuracy {accuracy}");
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
        if (found is not null)
            Compare(World.RunSeedOf(job), found, path);
    }

    private void Compare(ulong runSeed, ModelState state, string where)
    {
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

    /// <summary>When a step was last committed, for the first time or again.</summary>
    public long AdvancedNs { get; set; }
}
