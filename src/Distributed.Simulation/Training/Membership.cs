using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Training;

/// <summary>A rank's place in a generation, and what has come from the others.</summary>
internal sealed class Membership(Generation generation, int rank)
{
    // A peer is one step ahead at most, so two steps are enough: the odd one and the even one.
    private readonly Contribution?[][] contributions =
        [new Contribution?[generation.Ranks.Count], new Contribution?[generation.Ranks.Count]];

    private readonly int[] contributionCounts = new int[2];
    private readonly EvaluationShare?[] shares = new EvaluationShare?[generation.Ranks.Count];
    private readonly List<EvaluationShare> earlyShares = [];
    private readonly bool[] greeted = new bool[generation.Ranks.Count];
    private int shareCount;
    private int greetings = 1;

    public Generation Generation => generation;

    public int Number => generation.Number;

    public int Rank => rank;

    public int RankCount => generation.Ranks.Count;

    /// <summary>By rank; null for the own one.</summary>
    public DataConnection?[] Connections { get; } =
        new DataConnection?[generation.Ranks.Count];

    public DataConnection? Copy { get; set; }

    public bool IsJoined { get; set; }

    /// <summary>A rank that was lost while nothing needed it.</summary>
    public int LostRank { get; set; } = -1;

    public bool AllGreeted => greetings == RankCount;

    public void Greet(int peer)
    {
        if (greeted[peer])
            return;
        greeted[peer] = true;
        greetings++;
    }

    public void Add(Contribution contribution)
    {
        int parity = (int)(contribution.Step & 1);
        ref Contribution? place = ref contributions[parity][contribution.Rank];
        if (place is null)
            contributionCounts[parity]++;
        place = contribution;
    }

    public bool IsComplete(long step) => contributionCounts[(int)(step & 1)] == RankCount;

    public Contribution?[] Of(long step) => contributions[(int)(step & 1)];

    public void Clear(long step)
    {
        Array.Clear(contributions[(int)(step & 1)]);
        contributionCounts[(int)(step & 1)] = 0;
    }

    /// <summary>Some other rank's contribution to a step, if it has come.</summary>
    public Contribution? PickReceived(long step, Prng random)
    {
        int peer = random.NextBetween(0, RankCount - 1);
        Contribution? picked = Of(step)[peer];
        return peer != rank && picked?.Step == step ? picked : null;
    }

    public void Add(EvaluationShare share, int epoch)
    {
        if (share.Epoch != epoch)
        {
            earlyShares.Add(share);
            return;
        }

        if (shares[share.Rank] is null)
            shareCount++;
        shares[share.Rank] = share;
    }

    public bool SharesComplete => shareCount == RankCount;

    public IReadOnlyList<EvaluationShare?> Shares => shares;

    /// <summary>Begins to gather the shares of that epoch.</summary>
    public void BeginShares(int epoch)
    {
        Array.Clear(shares);
        shareCount = 0;
        EvaluationShare[] early = [.. earlyShares];
        earlyShares.Clear();
        foreach (EvaluationShare share in early)
            Add(share, epoch);
    }

    public int RankOf(DataConnection connection)
    {
        for (int peer = 0; peer < Connections.Length; peer++)
        {
            if (Connections[peer] == connection)
                return peer;
        }

        return -1;
    }
}
