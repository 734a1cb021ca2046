using System.Diagnostics.CodeAnalysis;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;
using Distributed.Collectives.Reduction;
using Distributed.Simulation.Network;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Storage;
using Distributed.Simulation.Time;
using Distributed.Simulation.Training;
using Distributed.Simulation.Workload;

namespace Distributed.Simulation.Tests;

/// <summary>
/// Mistakes that a store, a device, a recorder or a network could have, each behind the port where
/// it would be made. The actors are the real ones.
/// </summary>
internal static class PlantedMistakes
{
    /// <summary>By name: what stands in for the right thing, and which checks may see it.</summary>
    public static SortedDictionary<string, PlantedMistake> All { get; } = new()
    {
        ["the store lets an older term write"] = new(
            Store(world => new UnfencedStore(world)),
            "terms"),
        ["the lease is granted again without a new term"] = new(
            Store(world => new SameTermStore(world)),
            "terms"),
        ["the lease is granted while it is held"] = new(
            Store(world => new GenerousStore(world)),
            "terms"),
        ["the store answers before it has committed"] = new(
            Store(world => new HastyStore(world)),
            "lost generations"),
        ["a renewal of the lease is not seen"] = new(
            Store(world => new SilentStore(world)),
            "terms"),
        ["the store forgets generations when it is read"] = new(
            Store(world => new ForgetfulStore(world)),
            "generations"),
        ["a halt cancels nothing"] = new(
            Training((life, world, address) => new UnstoppableTraining(life, world, address)),
            "generations contract invariant"),
        ["frames of an older generation are taken"] = new(
            Training((life, world, address) => new CredulousTraining(life, world, address)),
            "generations"),
        ["a shard is computed twice"] = new(
            Training((life, world, address) => new OverlappingTraining(life, world, address)),
            "shards"),
        ["samples are used again"] = new(
            Training((life, world, address) => new RepeatingTraining(life, world, address)),
            "samples"),
        ["a laggard does not copy the state"] = new(
            Training((life, world, address) => new ProudTraining(life, world, address)),
            "steps"),
        ["a copy leaves out the optimiser"] = new(
            Training((life, world, address) => new HalfCopyTraining(life, world, address)),
            "bits"),
        ["a step is committed with a contribution missing"] = new(
            Training((life, world, address) => new ImpatientTraining(life, world, address)),
            "shards"),
        ["a checkpoint is torn but visible"] = new(
            Training((life, world, address) => new TearingTraining(life, world, address)),
            "bits"),
        ["a checkpoint holds another step than its name says"] = new(
            Training((life, world, address) => new LateSnapshotTraining(life, world, address)),
            "checkpoints"),
        ["checkpoints are pruned that still count"] = new(
            Training((life, world, address) => new PruningTraining(life, world, address)),
            "checkpoints"),
        ["one worker hashes something else"] = new(
            Training((life, world, address) => new OtherHashTraining(life, world, address)),
            "outcomes consensus"),
        ["a checkpoint counts whatever its ranks hold"] = new(
            Training((life, world, address) => new UnsavedHashTraining(life, world, address)),
            "consensus"),
        ["a worker that is taken on anew keeps what it held"] = new(
            Training((life, world, address) => new StubbornTraining(life, world, address)),
            "consensus contract metrics steps"),
        ["the record is not cut back"] = new(
            Recorder((life, world, term) => new ProudRecorder(life, world, term)),
            "metrics"),
        ["the recorder confirms before it has flushed"] = new(
            Recorder((life, world, term) => new HastyRecorder(life, world, term)),
            "lost"),
        ["the recorder forgets what is on record"] = new(
            Recorder((life, world, term) => new ForgetfulRecorder(life, world, term)),
            "metrics invariant"),
        ["the store forgets that a job is paused"] = new(
            Store(world => new RestlessStore(world)),
            "pauses"),
        ["the store forgets how many workers a job asks for"] = new(
            Store(world => new OversizeStore(world)),
            "scales"),
        ["ranks go on after the step that they agreed to pause at"] = new(
            Training((life, world, address) => new RestlessTraining(life, world, address)),
            "pauses"),
        ["the store forgets the last decision about a sweep"] = new(
            Store(world => new ShortStore(world)),
            "sweeps"),
        ["a trial goes on from the checkpoint of another"] = new(
            new SimulationHooks { CreateTrials = (life, world) => new MixingTrials(life, world) },
            "bits checkpoints outcomes sweeps"),
        ["a trial begins anew and not where it stood"] = new(
            new SimulationHooks
            {
                CreateTrials = (life, world) => new ForgetfulTrials(life, world),
            },
            "bits checkpoints metrics outcomes sweeps"),
        ["a stream delivers out of order"] = new(
            new SimulationHooks { Network = new ReorderingNetwork() },
            "streams"),
        ["a stream delivers what was sent on another"] = new(
            new SimulationHooks { Network = new MixingNetwork() },
            "streams"),
        ["reports are confirmed that are not on record"] = new(
            new SimulationHooks { Network = new OverconfirmingNetwork() },
            "lost"),
    };

    private static SimulationHooks Store(Func<SimulatedWorld, StoreServer> create) =>
        new() { CreateStore = create };

    private static SimulationHooks Training(
        Func<ProcessLife, SimulatedWorld, string, SimulatedTraining> create) =>
        new() { CreateTraining = create };

    private static SimulationHooks Recorder(
        Func<ProcessLife, SimulatedWorld, long, SimulatedRecorder> create) =>
        new() { CreateRecorder = create };

    private sealed class UnfencedStore(SimulatedWorld world) : StoreServer(world)
    {
        protected override bool IsCurrent(long term) => true;
    }

    private sealed class SameTermStore(SimulatedWorld world) : StoreServer(world)
    {
        public override object Take(ProcessLife life, CoordinatorIdentity holder, Lease seen) =>
            Lease == seen ? Grant(life, holder, Math.Max(1, Lease.Term)) : Read();
    }

    private sealed class GenerousStore(SimulatedWorld world) : StoreServer(world)
    {
        // As if every holder's process were known to be gone.
        public override object Read() => new LeaseRead(Lease, HolderIsGone: true);
    }

    private sealed class HastyStore(SimulatedWorld world) : StoreServer(world), IEventHandler
    {
        public int Number => -100;

        public override object Append(ProcessLife life, long term, JobDecision decision)
        {
            if (!IsCurrent(term))
                return new AppendRefused(decision, Lease);
            World.Scheduler.Post(
                Span.Second, null, this,
                new Action(() => Apply(life, Lease.Term, decision)));
            return new Appended(decision);
        }

        public void Handle(object message) => ((Action)message)();
    }

    private sealed class SilentStore(SimulatedWorld world) : StoreServer(world)
    {
        public override object Renew(ProcessLife life, long term) =>
            Lease.Term == term ? new LeaseRenewed(term) : Read();
    }

    private sealed class ForgetfulStore(SimulatedWorld world) : StoreServer(world)
    {
        public override JobsLoaded Load()
        {
            JobsLoaded loaded = base.Load();
            return loaded with
            {
                Jobs = [.. loaded.Jobs.Select(job => job with { Generation = null })],
            };
        }
    }

    private sealed class RestlessStore(SimulatedWorld world) : StoreServer(world)
    {
        public override JobsLoaded Load()
        {
            JobsLoaded loaded = base.Load();
            return loaded with
            {
                Jobs = [.. loaded.Jobs.Select(job => job with { PauseReason = null })],
            };
        }
    }

    private sealed class OversizeStore(SimulatedWorld world) : StoreServer(world)
    {
        public override JobsLoaded Load()
        {
            JobsLoaded loaded = base.Load();
            return loaded with
            {
                Jobs = [.. loaded.Jobs.Select(job => job.With(new JobScaled(job.Job, 5)))],
            };
        }
    }

    private sealed class RestlessTraining(
        ProcessLife life, SimulatedWorld world, string address)
        : SimulatedTraining(life, world, address)
    {
        protected override int Counted(int yieldVotes) => 0;
    }

    private sealed class ShortStore(SimulatedWorld world) : StoreServer(world)
    {
        protected override IReadOnlyList<SweepDecision> Loaded(List<SweepDecision> decisions) =>
            decisions.Count > 1 ? decisions.GetRange(0, decisions.Count - 1) : decisions;
    }

    private sealed class MixingTrials(ProcessLife life, SimulatedWorld world)
        : SimulatedTrials(life, world)
    {
        protected override string CheckpointOf(string folder, long step) => base.CheckpointOf(
            folder.Replace("trials/0001", "trials/0000", StringComparison.Ordinal), step);
    }

    private sealed class ForgetfulTrials(ProcessLife life, SimulatedWorld world)
        : SimulatedTrials(life, world)
    {
        protected override long NewestStep(string folder) => 0;
    }

    private sealed class UnstoppableTraining(
        ProcessLife life, SimulatedWorld world, string address)
        : SimulatedTraining(life, world, address)
    {
        protected override void Cancel()
        {
        }
    }

    private sealed class CredulousTraining(
        ProcessLife life, SimulatedWorld world, string address)
        : SimulatedTraining(life, world, address)
    {
        protected override bool IsOfGeneration(Frame frame) =>
            base.IsOfGeneration(frame)
            || (frame is Contribution old && old.Rank < Place!.RankCount
                && old.Step == State.Step + 1);
    }

    private sealed class OverlappingTraining(
        ProcessLife life, SimulatedWorld world, string address)
        : SimulatedTraining(life, world, address)
    {
        protected override ShardRange ShardsOf(Membership place)
        {
            ShardRange own = base.ShardsOf(place);
            return own with { End = Math.Min(own.End + 1, Description.LogicalShards) };
        }
    }

    private sealed class RepeatingTraining(
        ProcessLife life, SimulatedWorld world, string address)
        : SimulatedTraining(life, world, address)
    {
        // Begins the epoch anew after a change of membership.
        protected override SampleRange SamplesOf(long step, int shard) => base.SamplesOf(
            Place!.Number > 1 ? step - Place.Generation.Start.Step : step, shard);
    }

    private sealed class ProudTraining(ProcessLife life, SimulatedWorld world, string address)
        : SimulatedTraining(life, world, address)
    {
        protected override bool NeedsCopy(StartPoint start) => false;
    }

    private sealed class HalfCopyTraining(
        ProcessLife life, SimulatedWorld world, string address)
        : SimulatedTraining(life, world, address)
    {
        protected override ModelState Copied(CopyAnswer answer) => ModelState.Of(
            answer.Step,
            [
                .. answer.Values!.Take(ModelState.ParameterCount),
                .. State.Values.Skip(ModelState.ParameterCount),
            ]);
    }

    private sealed class ImpatientTraining(
        ProcessLife life, SimulatedWorld world, string address)
        : SimulatedTraining(life, world, address)
    {
        protected override bool IsComplete(Membership place, long step) =>
            base.IsComplete(place, step)
            || place.Of(step).Count(part => part is not null) == place.RankCount - 1;
    }

    private sealed class TearingTraining(ProcessLife life, SimulatedWorld world, string address)
        : SimulatedTraining(life, world, address)
    {
        protected override void Write(string path, ModelState snapshot)
        {
            long[] torn = [.. snapshot.Values];
            if (snapshot.Step % 5 == 0)
                torn[^1] = 0;
            base.Write(path, ModelState.Of(snapshot.Step, torn));
        }
    }

    private sealed class LateSnapshotTraining(
        ProcessLife life, SimulatedWorld world, string address)
        : SimulatedTraining(life, world, address)
    {
        // The state of when it is written, not of when it was to be saved.
        protected override void Write(string path, ModelState snapshot) =>
            base.Write(path, State);
    }

    private sealed class PruningTraining(ProcessLife life, SimulatedWorld world, string address)
        : SimulatedTraining(life, world, address)
    {
        protected override long Kept(long stepKept) => long.MaxValue;
    }

    private sealed class OtherHashTraining(
        ProcessLife life, SimulatedWorld world, string address)
        : SimulatedTraining(life, world, address)
    {
        protected override string HashOfParameters() =>
            Life.Machine.Name == "w1" ? "0123456789abcdef" : base.HashOfParameters();
    }

    private sealed class UnsavedHashTraining(
        ProcessLife life, SimulatedWorld world, string address)
        : SimulatedTraining(life, world, address)
    {
        protected override string HashOfSnapshot() => "0123456789abcdef";
    }

    private sealed class StubbornTraining(
        ProcessLife life, SimulatedWorld world, string address)
        : SimulatedTraining(life, world, address)
    {
        private ulong jobBefore;

        protected override ModelState Restored(ModelState loaded)
        {
            bool isAgain = jobBefore == Job;
            jobBefore = Job;
            return isAgain ? State : loaded;
        }
    }

    private sealed class ProudRecorder(ProcessLife life, SimulatedWorld world, long term)
        : SimulatedRecorder(life, world, term)
    {
        protected override void CutBack(long step, int returns)
        {
        }
    }

    private sealed class HastyRecorder(ProcessLife life, SimulatedWorld world, long term)
        : SimulatedRecorder(life, world, term)
    {
        public override void Commit(long mark)
        {
            Confirm(mark);
            base.Commit(mark);
        }
    }

    private sealed class ForgetfulRecorder(ProcessLife life, SimulatedWorld world, long term)
        : SimulatedRecorder(life, world, term)
    {
        protected override RecordingBegun Contents() =>
            new(0, [], new SortedDictionary<ulong, long>());
    }

    private sealed class ReorderingNetwork : NetworkHooks
    {
        public override bool Take(
            Queue<Parcel> inFlight, [MaybeNullWhen(false)] out Parcel parcel)
        {
            if (inFlight.Count > 1)
                inFlight.Enqueue(inFlight.Dequeue());
            return base.Take(inFlight, out parcel);
        }
    }

    private sealed class MixingNetwork : NetworkHooks
    {
        private Parcel? kept;
        private long taken;

        public override bool Take(
            Queue<Parcel> inFlight, [MaybeNullWhen(false)] out Parcel parcel)
        {
            if (!base.Take(inFlight, out parcel))
                return false;
            if (++taken % 1000 == 0)
                (parcel, kept) = (kept ?? parcel, parcel);
            return true;
        }
    }

    private sealed class OverconfirmingNetwork : NetworkHooks
    {
        public override CoordinatorMessage Told(CoordinatorMessage message) =>
            message is ReportsRecorded recorded
                ? recorded with { Sequence = recorded.Sequence + 3 }
                : message;
    }
}

/// <param name="Hooks">With the mistake.</param>
/// <param name="Kinds">Of the violations that it may show as, with blanks between them.</param>
internal sealed record PlantedMistake(SimulationHooks Hooks, string Kinds);
