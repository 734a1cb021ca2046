namespace Distributed.Cluster.Sweeps.Search;

/// <summary>Every combination, once.</summary>
internal sealed class GridSampler : ISampler
{
    private readonly Domain domain;
    private readonly Combinations combinations;

    public GridSampler(Domain domain)
    {
        this.domain = domain;
        combinations = new Combinations(domain);
    }

    public bool Learns => false;

    public int? Count => (int)combinations.Count;

    public Suggestion Suggest(int number, IReadOnlyList<Observation> observations) => new(
        domain.Format(combinations.At(number)),
        $"combination {number + 1} of {combinations.Count}");
}
