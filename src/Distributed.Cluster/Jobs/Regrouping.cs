using Distributed.Cluster.Coordination;

namespace Distributed.Cluster.Jobs;

/// <summary>A worker as the decision about the next membership sees it.</summary>
/// <param name="Host">The same for workers that can share memory; empty where one cannot.</param>
/// <param name="State">What it said last; null before it has said anything.</param>
/// <param name="IsLeaving">It has asked to go.</param>
/// <param name="IsBenched">It is left out for now, because it failed.</param>
internal sealed record RegroupWorker(
    ulong Incarnation, string Name, string Host, WorkState? State, bool IsLeaving,
    bool IsBenched);

/// <summary>All that the decision about the next membership depends on.</summary>
/// <param name="Current">The newest generation; null before the first.</param>
/// <param name="HaltingTo">The generation number that workers were told to halt for, or 0.</param>
/// <param name="IsYielding">The ranks were asked to pause after a common step.</param>
/// <param name="RanksMax">How many workers can have a rank.</param>
/// <param name="WorkersWanted">As the job asks for: as many are waited for before the first
/// generation.</param>
/// <param name="WorkersMin">With fewer the job waits.</param>
/// <param name="Workers">Those that are reachable, in the order of their names.</param>
/// <param name="IsHaltLate">Who has not halted by now is left out.</param>
/// <param name="IsYieldLate">A common step has been waited for long enough.</param>
/// <param name="IsReturning">Workers may still be on their way to this coordinator.</param>
/// <param name="Imbalance">Why shards should move; null where they should not.</param>
/// <param name="IsVoid">The job has returned to its checkpoint: the current generation is no more,
/// and its workers were taken on anew.</param>
internal sealed record RegroupView(
    Generation? Current, int HaltingTo, bool IsYielding, int RanksMax, int WorkersWanted,
    int WorkersMin, IReadOnlyList<RegroupWorker> Workers, bool IsHaltLate, bool IsYieldLate,
    bool IsReturning, string? Imbalance, bool IsVoid)
{
    /// <summary>Why nothing is to be computed for now; null where it is.</summary>
    public string? PauseReason { get; init; }

    /// <summary>Why workers of the current generation were lost, by incarnation.</summary>
    public IReadOnlyDictionary<ulong, string> Losses { get; init; } =
        new Dictionary<ulong, string>();
}

/// <summary>What to do about a job's membership.</summary>
internal abstract record RegroupAction
{
    public sealed record Stay : RegroupAction;

    /// <summary>The job cannot go on with the workers that it has.</summary>
    public sealed record WaitForWorkers : RegroupAction;

    /// <summary>The job stands still, and its workers keep what they hold.</summary>
    public sealed record Pause : RegroupAction;

    public sealed record Yield : RegroupAction;

    public sealed record Halt(int Number) : RegroupAction;

    /// <param name="Members">In rank order.</param>
    /// <param name="Step">The highest committed step among those that halted.</param>
    /// <param name="Source">Who holds it.</param>
    public sealed record Form(
        int Number, IReadOnlyList<RegroupWorker> Members, long Step, RegroupWorker Source)
        : RegroupAction;
}

/// <summary>An action and why.</summary>
internal sealed record RegroupDecision(RegroupAction Action, string Reason);

/// <summary>
/// Decides when a job changes its membership and to what. Reads where the workers stand and
/// nothing else, so that a coordinator that has just taken over decides as well as any.
/// </summary>
internal static class Regrouping
{
    public static RegroupDecision Decide(RegroupView view) =>
        view.HaltingTo > 0 ? WhileHalting(view)
        : view.Current is null ? BeforeTheFirst(view)
        : view.IsVoid ? AfterReturn(view)
        : InGeneration(view, view.Current);

    /// <summary>One more than any number that anybody has heard of.</summary>
    public static int NextNumber(RegroupView view)
    {
        int newest = Math.Max(view.HaltingTo, view.Current?.Number ?? 0);
        foreach (RegroupWorker worker in view.Workers)
            newest = Math.Max(newest, worker.State?.Generation ?? 0);
        return newest + 1;
    }

    private static RegroupDecision BeforeTheFirst(RegroupView view)
    {
        if (view.PauseReason is { } reason)
            return Pause(reason);
        int ready = view.Workers.Count(IsReady);
        if (ready < view.WorkersWanted)
            return Stay($"{ready} of {view.WorkersWanted} workers are prepared");
        return Halt(view, $"{ready} workers are prepared");
    }

    private static RegroupDecision AfterReturn(RegroupView view) => view.IsReturning
        ? Stay("workers may still come")
        : Halt(view, "the job has returned to its checkpoint");

    private static RegroupDecision WhileHalting(RegroupView view)
    {
        if (view.Workers.Any(worker => worker.State?.Generation > view.HaltingTo))
            return Halt(view, "a worker has heard of a later generation");
        RegroupWorker? late = view.Workers.FirstOrDefault(
            worker => MustHalt(worker, view) || (view.IsVoid && MustPrepare(worker)));
        if (late is not null && !view.IsHaltLate)
            return Stay($"{late.Name} has not halted yet");
        if (view.PauseReason is { } reason)
            return Pause(reason);
        RegroupWorker[] halted = [.. view.Workers.Where(worker => HasHalted(worker, view))];
        RegroupWorker[] members = NeighboursByHost(
            halted.Where(worker => !worker.IsLeaving && !worker.IsBenched)
                .OrderBy(worker => PlaceOf(worker, view.Current))
                .Take(view.RanksMax));
        if (members.Length < view.WorkersMin)
        {
            return new(
                new RegroupAction.WaitForWorkers(),
                $"{members.Length} of at least {view.WorkersMin} workers are there");
        }

        long step = halted.Max(worker => worker.State!.Step);
        RegroupWorker source = members.FirstOrDefault(worker => worker.State!.Step == step)
            ?? halted.First(worker => worker.State!.Step == step);
        return new(
            new RegroupAction.Form(view.HaltingTo, members, step, source),
            $"{members.Length} workers{OnHosts(members)} have halted after step {step}");
    }

    private static string OnHosts(RegroupWorker[] members)
    {
        int hosts = members.Select(member => member.Host).Distinct().Count();
        return hosts > 1 ? $" on {hosts} hosts" : "";
    }

    private static RegroupDecision InGeneration(RegroupView view, Generation current)
    {
        bool someFinished = false;
        int yielded = 0;
        foreach (RankAssignment member in current.Ranks)
        {
            RegroupWorker? worker = Find(view, member.Worker.Incarnation);
            if (worker?.State is null)
            {
                if (view.IsReturning)
                    return Stay($"{member.Worker.Name} may still come");
                return Halt(view, Loss(member.Worker, view));
            }

            WorkState state = worker.State;
            if (state.Generation > current.Number)
                return Halt(view, $"{worker.Name} has heard of a later generation");
            if (state.Generation < current.Number || state.Phase is WorkPhase.Halted)
                return Halt(view, $"{worker.Name} has not taken its place");
            if (state.Phase is WorkPhase.Broken or WorkPhase.Failed)
                return Halt(view, Trouble(current, worker, state));
            yielded += state.Phase == WorkPhase.Yielded ? 1 : 0;
            someFinished |= state.Phase == WorkPhase.Finished;
        }

        if (yielded == current.Ranks.Count)
            return Halt(view, PlannedReason(view, current) ?? "all ranks have paused");
        if (view.IsYieldLate && !someFinished)
            return Halt(view, PlannedReason(view, current) ?? "a pause was asked for");
        if (view.IsYielding || yielded > 0)
            return Stay($"{yielded} of {current.Ranks.Count} ranks have paused");
        string? planned = someFinished ? null : PlannedReason(view, current);
        return planned is null
            ? Stay("nothing has changed")
            : new(new RegroupAction.Yield(), planned);
    }

    /// <summary>Why the membership should change though nothing is wrong.</summary>
    private static string? PlannedReason(RegroupView view, Generation current)
    {
        if (view.PauseReason is { } reason)
            return Paused(reason);
        foreach (RankAssignment member in current.Ranks)
        {
            RegroupWorker? worker = Find(view, member.Worker.Incarnation);
            if (worker is { IsLeaving: true })
                return $"{worker.Name} leaves";
        }

        if (current.Ranks.Count > view.RanksMax)
            return $"the job asks for {view.WorkersWanted} workers now";
        if (current.Ranks.Count < view.RanksMax)
        {
            RegroupWorker? newcomer = view.Workers.FirstOrDefault(
                worker => IsReady(worker) && current.RankOf(worker.Incarnation) < 0);
            if (newcomer is not null)
                return $"{newcomer.Name} joins";
        }

        return view.Imbalance;
    }

    private static string Loss(WorkerIdentity lost, RegroupView view) =>
        view.Losses.TryGetValue(lost.Incarnation, out string? why)
            ? $"{lost.Name} was lost ({why})"
            : $"{lost.Name} was lost";

    private static string Trouble(Generation current, RegroupWorker worker, WorkState state)
    {
        WorkFailure failure = state.Failure!;
        bool isNamed = failure.PeerRank >= 0 && failure.PeerRank < current.Ranks.Count;
        return isNamed
            ? $"{worker.Name} lost {current.Ranks[failure.PeerRank].Worker.Name}: "
                + failure.Message
            : $"{worker.Name}: {failure.Message}";
    }

    private static bool IsReady(RegroupWorker worker) =>
        worker is { IsLeaving: false, IsBenched: false, State.Phase: WorkPhase.Halted };

    private static bool HasHalted(RegroupWorker worker, RegroupView view) =>
        worker.State is { Phase: WorkPhase.Halted } state && state.Generation == view.HaltingTo;

    private static bool MustHalt(RegroupWorker worker, RegroupView view) =>
        worker.State is { } state
        && state.Phase is not (WorkPhase.Preparing or WorkPhase.Failed)
        && !HasHalted(worker, view);

    private static bool MustPrepare(RegroupWorker worker) =>
        worker.State is null or { Phase: WorkPhase.Preparing };

    /// <summary>Ranks keep their order; who is new comes after them, or after its host's.</summary>
    private static int PlaceOf(RegroupWorker worker, Generation? current)
    {
        int rank = current?.RankOf(worker.Incarnation) ?? -1;
        return rank < 0 ? int.MaxValue : rank;
    }

    /// <summary>
    /// Puts workers of one host side by side, in the order of each host's first: ranks that share
    /// memory then have neighbouring shards, whose sum they can take within the host.
    /// </summary>
    private static RegroupWorker[] NeighboursByHost(IEnumerable<RegroupWorker> workers) =>
    [
        .. workers.GroupBy(worker => worker.Host.Length > 0
                ? (worker.Host, 0)
                : ("", worker.Incarnation))
            .SelectMany(host => host),
    ];

    private static RegroupWorker? Find(RegroupView view, ulong incarnation)
    {
        foreach (RegroupWorker worker in view.Workers)
        {
            if (worker.Incarnation == incarnation)
                return worker;
        }

        return null;
    }

    private static RegroupDecision Halt(RegroupView view, string reason) =>
        new(new RegroupAction.Halt(NextNumber(view)), reason);

    private static RegroupDecision Pause(string reason) =>
        new(new RegroupAction.Pause(), Paused(reason));

    private static string Paused(string reason) => $"paused: {reason}";

    private static RegroupDecision Stay(string reason) => new(new RegroupAction.Stay(), reason);
}
