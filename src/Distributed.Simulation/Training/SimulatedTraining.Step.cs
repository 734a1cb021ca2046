using System.Globalization;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Training;

/// <summary>Steps, evaluations and checkpoints.</summary>
internal partial class SimulatedTraining
{
    private StepVotes votes;
    private bool hashWanted;
    private bool computed;
    private bool commitIsDue;
    private long stepBeganNs;
    private int evaluating;

    public void RunStep(long step, StepVotes votes, bool hashParameters)
    {
        if (!Begins(Call.Step))
            return;
        world.Checker.Expect(
            step == State.Step + 1, "contract",
            $"{life.Machine.Name} is to run step {step} after {State.Step}");
        this.votes = votes;
        hashWanted = hashParameters;
        computed = false;
        stepBeganNs = world.Scheduler.NowNs;
        long computeNs = Times.ComputeNs(
            Place!.Generation.Ranks[Place.Rank].Shards.Count, Description.LogicalShards);
        computeEndsNs = stepBeganNs + computeNs;
        world.Scheduler.Post(computeNs, life, this, new ComputeEnds(operation, step));
    }

    public void Evaluate(int epoch)
    {
        if (!Begins(Call.Evaluate))
            return;
        evaluating = epoch;
        Place!.BeginShares(epoch);
        world.Scheduler.Post(
            Times.EvaluateNs(Place.RankCount), life, this, new EvaluateEnds(operation, epoch));
    }

    public void SaveCheckpoint(long step, bool write, long stepKept)
    {
        if (Place is null)
            world.Checker.OnSavedAlone(seed);
        world.Checker.Expect(
            step == State.Step, "contract",
            $"{life.Machine.Name} is to save step {step} but holds {State.Step}");
        AnswerLater(Times.SnapshotNs(), new SnapshotEnds(step, write, stepKept));
    }

    public void HashParameters() => AnswerLater(Times.HashNs(), new HashEnds());

    /// <summary>The samples that a shard computes its gradient from.</summary>
    protected virtual SampleRange SamplesOf(long step, int shard) =>
        SampleOrder.OfShard(Description, step, shard);

    /// <summary>The shards that this rank computes.</summary>
    protected virtual ShardRange ShardsOf(Membership place) =>
        place.Generation.Ranks[place.Rank].Shards;

    /// <summary>Whether all that belongs to a step is there.</summary>
    protected virtual bool IsComplete(Membership place, long step) => place.IsComplete(step);

    protected virtual string HashOfParameters() =>
        State.ParameterHash.ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>What a rank says of its parameters when they are saved.</summary>
    protected virtual string HashOfSnapshot() => HashOfParameters();

    /// <summary>Writes a checkpoint of that snapshot; null where the disk failed.</summary>
    protected virtual void Write(string path, ModelState snapshot) =>
        world.Disk.WriteCheckpoint(path, snapshot);

    /// <summary>The checkpoint that stays until a newer one counts.</summary>
    protected virtual long Kept(long stepKept) => stepKept;

    /// <summary>False where the call is answered with the failure of a peer that is gone.</summary>
    private bool Begins(Call next)
    {
        world.Checker.Expect(
            Place is { IsJoined: true } && call == Call.None, "contract",
            $"{life.Machine.Name} is to do {next} while it does {call} "
            + $"in generation {Place?.Number}");
        if (Place is null)
            return false;
        call = next;
        if (Place.LostRank < 0)
            return true;
        FailByPeer(Place.LostRank, $"the connection with rank {Place.LostRank} broke before");
        return false;
    }

    private void OnComputed(long step)
    {
        Membership place = Place!;
        var sums = new long[ModelState.SumCount];
        ShardRange shards = ShardsOf(place);
        for (int shard = shards.First; shard < shards.End; shard++)
            State.AddShard(seed, shard, SamplesOf(step, shard), sums);
        var samples = new SampleRange(
            SamplesOf(step, shards.First).First, SamplesOf(step, shards.End - 1).End);
        var own = new Contribution(
            Job, place.Number, place.Rank, step, shards, samples, sums, votes, State.IsVoid);
        computed = true;
        foreach (DataConnection? connection in place.Connections)
            connection?.Send(this, own);
        OnContribution(own);
    }

    private void OnContribution(Contribution contribution)
    {
        long ahead = contribution.Step - Place!.Generation.Start.Step;
        bool expected = Place.IsJoined
            ? contribution.Step == State.Step + 1 || contribution.Step == State.Step + 2
            : ahead is 1 or 2;
        if (!expected)
        {
            world.Checker.Fail(
                "contract", $"{life.Machine.Name} after step {State.Step} got a contribution to "
                + $"step {contribution.Step} from rank {contribution.Rank}");
            return;
        }

        Place.Add(contribution);
        long step = State.Step + 1;
        if (call == Call.Step && computed && !commitIsDue && IsComplete(Place, step))
        {
            commitIsDue = true;
            world.Scheduler.Post(Times.CommitNs(), life, this, new CommitDue(operation));
        }
    }

    private void Commit()
    {
        Membership place = Place!;
        Contribution?[] parts = place.Of(State.Step + 1);
        Span<long> sums = stackalloc long[ModelState.SumCount];
        int stops = 0;
        int yields = 0;
        int saves = 0;
        bool areVoid = false;
        foreach (Contribution? part in parts)
        {
            if (part is null)
                continue;
            for (int index = 0; index < sums.Length; index++)
                sums[index] = unchecked(sums[index] + part.Sums[index]);
            areVoid |= part.IsVoid;
            stops += part.Votes.Stop ? 1 : 0;
            yields += part.Votes.Yield ? 1 : 0;
            saves += part.Votes.Save ? 1 : 0;
        }

        State = State.After(sums, areVoid);
        world.Checker.OnCommitted(this, seed, Description, place, State, parts);
        place.Clear(State.Step);
        commitIsDue = false;
        call = Call.None;
        Tell(new StepDone(
            Job, RecordOf(sums), stops, Counted(yields), hashWanted ? HashOfParameters() : "",
            saves));
    }

    /// <summary>What this rank makes of the votes to pause.</summary>
    protected virtual int Counted(int yieldVotes) => yieldVotes;

    private StepRecord RecordOf(ReadOnlySpan<long> sums)
    {
        long samples = SampleOrder.OfStep(Description, State.Step).Count;
        double stepMs = (world.Scheduler.NowNs - stepBeganNs) / (double)Span.Millisecond;
        double computeMs = (computeEndsNs - stepBeganNs) / (double)Span.Millisecond;
        return new StepRecord(
            State.Step, ReferenceRun.LossOf(sums, samples),
            (int)sums[ModelState.ParameterCount + 1], (int)samples, 0.1, computeMs,
            stepMs - computeMs, stepMs - computeMs, stepMs);
    }

    private void OnEvaluated(int epoch)
    {
        Membership place = Place!;
        var results = new List<TestBatchResult>();
        for (int batch = place.Rank; batch < Description.TestBatches; batch += place.RankCount)
            results.Add(Evaluation.OfBatch(State.Hash, batch));
        var own = new EvaluationShare(Job, place.Number, place.Rank, epoch, results);
        foreach (DataConnection? connection in place.Connections)
            connection?.Send(this, own);
        OnShare(own);
    }

    private void OnShare(EvaluationShare share)
    {
        Place!.Add(share, call == Call.Evaluate ? evaluating : 0);
        if (call != Call.Evaluate || !Place.SharesComplete)
            return;
        call = Call.None;
        var batches = new TestBatchResult[Description.TestBatches];
        foreach (EvaluationShare? part in Place.Shares)
        {
            foreach (TestBatchResult result in part!.Batches)
                batches[result.Batch] = result;
        }

        Tell(new EvaluationDone(
            Job, evaluating, Evaluation.TrainLoss(State.Hash, evaluating),
            Evaluation.TrainAccuracy(State.Hash, evaluating), batches));
    }

    private void OnSnapshot(SnapshotEnds ends)
    {
        ModelState snapshot = State;
        Tell(new SnapshotTaken(Job, ends.Step, HashOfSnapshot()));
        if (!ends.Write)
            return;
        string path = world.Disk.CheckpointPath(Description.RunFolder, ends.Step);
        world.Scheduler.Post(
            Times.SaveNs(), life, this, new SaveEnds(
                employment, returns, Description.RunFolder, ends.Step, path, snapshot,
                ends.StepKept));
    }

    private void OnSaved(SaveEnds ends)
    {
        // As a rename that is refused: the run has returned to before this one.
        if (ends.Returns < world.Disk.LogOf(ends.RunFolder).Returns)
            return;
        Write(ends.Path, ends.Snapshot);
        world.Disk.Prune(ends.RunFolder, ends.Step, Kept(ends.StepKept));
        if (ends.Employment == employment)
            Tell(new CheckpointDone(Job, ends.Step, ends.Path));
    }

    private sealed class SnapshotEnds(long step, bool write, long stepKept) : Ending
    {
        public long Step => step;

        public bool Write => write;

        public long StepKept => stepKept;
    }

    private sealed record SaveEnds(
        int Employment, int Returns, string RunFolder, long Step, string Path,
        ModelState Snapshot, long StepKept);
}
