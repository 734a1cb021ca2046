namespace Distributed.Cluster.Sweeps.Search;

/// <summary>
/// The covariance matrix adaptation evolution strategy: N. Hansen, The CMA Evolution Strategy: A
/// Tutorial, 2016, over the unit cube. It is replayed from the observations for each suggestion, so
/// that there is no state to lose.
/// </summary>
internal sealed class CmaEsSampler : ISampler
{
    private const int TriesMax = 32;

    private readonly Domain domain;
    private readonly ulong seed;
    private readonly int population;

    public CmaEsSampler(CmaEsSpec spec, Domain domain, ulong seed)
    {
        this.domain = domain;
        this.seed = seed;
        population = spec.Population > 0 ? spec.Population
            : 4 + (int)(3 * Math.Log(domain.Axes.Count));
    }

    public bool Learns => true;

    public int? Count => null;

    public Suggestion Suggest(int number, IReadOnlyList<Observation> observations)
    {
        int generation = number / population;
        var state = new CmaEsState(domain.Axes, population);
        int next = 0;
        for (int before = 0; before < generation; before++)
        {
            var members = new List<Observation>(population);
            for (; next < observations.Count
                && observations[next].Number < (before + 1) * population; next++)
            {
                if (observations[next].Number >= before * population)
                    members.Add(observations[next]);
            }
            state.Learn([.. Ranked(members)]);
        }
        return new(
            domain.Format(Sample(state, number)),
            $"{(number % population) + 1} of {population} in generation {generation + 1}"
                + (generation == 0 ? "" : Missing(observations, generation)));
    }

    /// <summary>Points of the unit cube, best first. Those that have not ended or have failed are
    /// left out: they are behind all others, and the worse half of a generation does not count.
    /// </summary>
    private IEnumerable<double[]> Ranked(List<Observation> members)
    {
        List<Observation> ended = [.. members.Where(ObservationOrder.HasWorth)];
        return ObservationOrder.BestFirst(ended, objectives: 1).Select(index =>
            domain.Parse(ended[index].Parameters)
                .Select((value, axis) => domain.Axes[axis].ToUnit(value)).ToArray());
    }

    private string Missing(IReadOnlyList<Observation> observations, int generation)
    {
        int known = observations.Count(observation =>
            observation.Number / population == generation - 1
            && ObservationOrder.HasWorth(observation));
        return known == population ? ""
            : $"; {population - known} of the one before have no loss and count as worst";
    }

    /// <summary>A draw within the cube; after many outside, one moved to its edge.</summary>
    private double[] Sample(CmaEsState state, int number)
    {
        var draws = Draws.Of(seed, number, 0, DrawPurpose.CmaEsStep);
        double[] point = state.Draw(draws);
        for (int attempt = 1; attempt < TriesMax && !IsInside(point); attempt++)
            point = state.Draw(draws);
        return domain.At(axis => Math.Clamp(point[axis], 0, 1));
    }

    private static bool IsInside(double[] point) => point.All(unit => unit is >= 0 and <= 1);
}
