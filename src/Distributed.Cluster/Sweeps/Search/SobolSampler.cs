namespace Distributed.Cluster.Sweeps.Search;

/// <summary>
/// The points of a scrambled Sobol sequence. A dimension keeps its coordinate whether or not it is
/// there.
/// </summary>
internal sealed class SobolSampler : ISampler
{
    private readonly Domain domain;
    private readonly SobolSequence sequence;
    private readonly DistinctOrder? order;

    public SobolSampler(Domain domain, ulong seed)
    {
        this.domain = domain;
        sequence = new SobolSequence(domain.Axes.Count, seed);
        order = DistinctOrder.Of(domain, Point);
    }

    public bool Learns => false;

    public int? Count => order?.Count;

    public Suggestion Suggest(int number, IReadOnlyList<Observation> observations) => new(
        domain.Format(order?.At(number) ?? Point(number)),
        $"point {number + 1} of a Sobol sequence");

    private double[] Point(int number) =>
        domain.At(axis => sequence.Coordinate((uint)number, axis));
}
