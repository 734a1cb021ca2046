using Distributed.Cluster.Observers;
using Distributed.Cluster.Sweeps;

namespace Distributed.Runtime.Observers;

/// <summary>The sweeps' part of the read model.</summary>
internal sealed class SweepsModel
{
    private readonly Dictionary<ulong, Entry> _sweeps = [];
    private readonly List<ulong> _order = [];

    public int RunningCount => _sweeps.Values.Count(entry => entry.State.EndReason is null);

    public IReadOnlyList<SweepView> Since(long version) =>
    [
        .. _order.Select(sweep => _sweeps[sweep]).Where(entry => entry.Version > version)
            .Select(entry => entry.View()),
    ];

    public IReadOnlyList<TrialView> Trials(ulong sweep, long since) =>
        _sweeps.TryGetValue(sweep, out Entry? entry) ? entry.Trials(since) : [];

    public string NameOf(ulong sweep) =>
        _sweeps.TryGetValue(sweep, out Entry? entry)
            ? entry.State.Description.Name
            : $"{sweep:x16}";

    public void Clear()
    {
        _sweeps.Clear();
        _order.Clear();
    }

    public void Apply(SweepObserved observed, long version)
    {
        foreach (SweepDecision decision in observed.Decisions)
        {
            if (decision is SweepSubmitted submitted)
            {
                if (!_sweeps.ContainsKey(decision.Sweep))
                    _order.Add(decision.Sweep);
                _sweeps[decision.Sweep] = new Entry(new SweepState(submitted), version);
            }
            else if (_sweeps.TryGetValue(decision.Sweep, out Entry? entry))
            {
                entry.Apply(decision, version);
            }
        }
    }

    private sealed class Entry(SweepState state, long version)
    {
        private readonly List<long> _changed = [];
        private readonly List<TrialView?> _views = [];
        private SweepView? _view;

        public SweepState State => state;

        public long Version { get; private set; } = version;

        public void Apply(SweepDecision decision, long version)
        {
            state.Apply(decision);
            Version = version;
            _view = null;
            while (_changed.Count < state.Trials.Count)
            {
                _changed.Add(version);
                _views.Add(null);
            }

            if (TrialOf(decision) is { } trial)
            {
                _changed[trial] = version;
                _views[trial] = null;
            }
        }

        public IReadOnlyList<TrialView> Trials(long since)
        {
            var found = new List<TrialView>();
            for (int trial = 0; trial < _changed.Count; trial++)
            {
                if (_changed[trial] > since)
                    found.Add(Trial(trial));
            }

            return found;
        }

        public SweepView View() => _view ??= new SweepView(
            Version, state.Sweep, state.Description, Word(), state.TrialsWanted,
            state.Trials.Count, state.RunningCount, Count(TrialEnd.Completed),
            Count(TrialEnd.Stopped), Count(TrialEnd.Failed),
            SweepRanking.Best(state) is { } best ? Trial(best.Number) : null,
            [.. state.Benched]);

        private int Count(TrialEnd end) => state.Trials.Count(trial => trial.End == end);

        private string Word() => state.EndReason is { } ended ? $"ended: {ended}"
            : state.StopReason is { } stopped ? $"stopping: {stopped}"
            : state.PauseReason is { } paused ? $"paused: {paused}"
            : "running";

        private TrialView Trial(int number) => _views[number] ??= Describe(state.Trials[number]);

        private TrialView Describe(TrialState trial)
        {
            TrialResult? last = trial.Results.Count > 0 ? trial.Results[^1] : null;
            return new TrialView(
                _changed[trial.Number], trial.Number,
                trial.End is { } end ? SweepHappenings.Word(end) : trial.Phase switch
                {
                    TrialPhase.Ready => "ready",
                    TrialPhase.Running => "running",
                    _ => "waiting",
                },
                trial.Parameters, trial.Leg is { } leg ? state.JobOf(leg) : 0, trial.Epoch,
                last is null
                    ? []
                    : [.. state.Description.Objectives.Select(
                        objective => trial.Value(objective.Metric, last))],
                last?.Seconds ?? 0, trial.Reason);
        }

        private static int? TrialOf(SweepDecision decision) => decision switch
        {
            TrialSuggested suggested => suggested.Trial,
            TrialSized sized => sized.Trial,
            LegStarted started => started.Trial,
            LegEnded ended => ended.Trial,
            TrialContinued continued => continued.Trial,
            TrialEnded ended => ended.Trial,
            TrialRetried retried => retried.Trial,
            _ => null,
        };
    }
}
