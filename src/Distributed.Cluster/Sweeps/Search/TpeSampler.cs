namespace Distributed.Cluster.Sweeps.Search;

/// <summary>
/// The tree-structured Parzen estimator, with the settings of Optuna's multivariate one but for
/// narrower kernels: of several candidates near the good configurations it takes the one where good
/// ones are densest in proportion to the others. Dimensions that are there together are modelled
/// together, from the observations that have them.
/// </summary>
internal sealed class TpeSampler(
    TpeSpec spec, Domain domain, ulong seed, int objectives) : ISampler
{
    private const double GoodShare = 0.1;
    private const int GoodMax = 25;
    private const int TriesMax = 8;

    /// <summary>Bounds the cost of a suggestion after thousands of trials: the oldest of those that
    /// were not good are left out.</summary>
    private const int KernelsMax = 1000;

    private readonly int[][] groups = Groups(domain);
    private readonly Combinations? combinations = DistinctOrder.SmallOrNull(domain);

    public bool Learns => true;

    public int? Count => (int?)combinations?.Count;

    public Suggestion Suggest(int number, IReadOnlyList<Observation> observations)
    {
        double[][] seen = [.. observations.Select(
            observation => domain.Parse(observation.Parameters))];
        int ended = observations.Count(IsEnded);
        double[] Random(int attempt) => RandomSampler.Draw(domain, seed, number, attempt);
        if (ended < spec.StartTrials)
        {
            return new(
                domain.Format(Unseen(seen, TriesMax, Random)),
                $"random: {ended} of {spec.StartTrials} start-up trials have ended");
        }
        int[] order = [.. BestFirst(observations)];
        Model[] models = [.. groups.Select(group => Fit(group, order, ended, seen))];
        double[] chosen = Unseen(
            seen, 2 * TriesMax, attempt =>
                attempt < TriesMax ? Candidate(models, number, attempt) : Random(attempt));
        return new(
            domain.Format(chosen),
            $"the best of {spec.Candidates} candidates near the {GoodCount(ended)} best of {ended} "
                + $"trials, away from the others and {observations.Count - ended} that run");
    }

    /// <summary>Those that run come last: where they are, nobody else need go.</summary>
    private IEnumerable<int> BestFirst(IReadOnlyList<Observation> observations)
    {
        int[] ended = [.. Enumerable.Range(0, observations.Count).Where(
            index => IsEnded(observations[index]))];
        int[] order = ObservationOrder.BestFirst(
            [.. ended.Select(index => observations[index])], objectives);
        return order.Select(place => ended[place])
            .Concat(Enumerable.Range(0, observations.Count).Except(ended));
    }

    private Model Fit(int[] group, int[] order, int ended, double[][] seen)
    {
        bool HasGroup(int index) => group.All(axis => !double.IsNaN(seen[index][axis]));
        int[] having = [.. order.Where(HasGroup)];
        int goodCount = GoodCount(order.Take(ended).Count(HasGroup));
        Axis[] axes = [.. group.Select(axis => domain.Axes[axis])];
        // By number, so that older ones weigh less.
        ParzenEstimator Density(IEnumerable<int> indices) => new(
            axes, [.. indices.Order().TakeLast(KernelsMax).Select(
                index => group.Select(axis => seen[index][axis]).ToArray())]);
        return new(group, Density(having.Take(goodCount)), Density(having.Skip(goodCount)));
    }

    private double[] Candidate(Model[] models, int number, int attempt)
    {
        double[] values = domain.Nothing();
        foreach ((int[] group, ParzenEstimator good, ParzenEstimator others) in models)
        {
            if (!domain.IsPresent(group[0], values))
                continue;
            var draws = Draws.Of(
                seed, number, (attempt * domain.Axes.Count) + group[0], DrawPurpose.TpeCandidate);
            double[] best = [];
            double bestGain = double.NegativeInfinity;
            for (int candidate = 0; candidate < spec.Candidates; candidate++)
            {
                double[] drawn = good.Draw(draws);
                double gain = good.LogDensity(drawn) - others.LogDensity(drawn);
                if (best.Length == 0 || gain > bestGain)
                    (best, bestGain) = (drawn, gain);
            }
            for (int place = 0; place < group.Length; place++)
                values[group[place]] = best[place];
        }
        return values;
    }

    /// <summary>The first try that was not seen before; of a small space any that was not.
    /// </summary>
    private double[] Unseen(double[][] seen, int triesMax, Func<int, double[]> attempt)
    {
        double[] values = [];
        for (int index = 0; index < triesMax; index++)
        {
            values = attempt(index);
            if (!IsSeen(values, seen))
                return values;
        }
        for (int number = 0; number < Count; number++)
        {
            double[] other = combinations!.At(number);
            if (!IsSeen(other, seen))
                return other;
        }
        return values;
    }

    private static bool IsSeen(double[] values, double[][] seen) =>
        Array.Exists(seen, other => other.AsSpan().SequenceEqual(values));

    private static bool IsEnded(Observation observation) =>
        observation.State != ObservationState.Pending;

    private static int GoodCount(int count) =>
        Math.Min((int)Math.Ceiling(GoodShare * count), GoodMax);

    /// <summary>Dimensions with the same conditions, in the order of the first of each.</summary>
    private static int[][] Groups(Domain domain)
    {
        var groups = new List<List<int>>();
        for (int axis = 0; axis < domain.Axes.Count; axis++)
        {
            List<int>? group = groups.Find(
                other => domain.HaveSameConditions(other[0], axis));
            if (group is null)
                groups.Add([axis]);
            else
                group.Add(axis);
        }
        return [.. groups.Select(group => group.ToArray())];
    }

    private sealed record Model(int[] Group, ParzenEstimator Good, ParzenEstimator Others);
}
