using Distributed.Kernel;

namespace Distributed.Cluster.Sweeps.Search;

/// <summary>Every configuration as likely as its cell in the unit cube is large.</summary>
internal sealed class RandomSampler : ISampler
{
    private readonly Domain domain;
    private readonly ulong seed;
    private readonly DistinctOrder? order;

    public RandomSampler(Domain domain, ulong seed)
    {
        this.domain = domain;
        this.seed = seed;
        order = DistinctOrder.Of(domain, number => Draw(domain, seed, number));
    }

    public bool Learns => false;

    public int? Count => order?.Count;

    /// <param name="attempt">Each is another draw for that number.</param>
    public static double[] Draw(Domain domain, ulong seed, int number, int attempt = 0) =>
        domain.At(axis => CounterRandom.UnitDouble(
            Draws.Key(seed, number, axis, DrawPurpose.Random), (ulong)attempt));

    public Suggestion Suggest(int number, IReadOnlyList<Observation> observations) => new(
        domain.Format(order?.At(number) ?? Draw(domain, seed, number)), "random");
}
