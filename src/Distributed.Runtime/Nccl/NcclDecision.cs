namespace Distributed.Runtime.Nccl;

/// <summary>
/// Whether the ranks of a host sum their gradients over NCCL. All ranks see the same offers, and so
/// decide alike.
/// </summary>
/// <param name="IsTaken">Whether they do.</param>
/// <param name="Reason">Why, or why not.</param>
internal sealed record NcclDecision(bool IsTaken, string Reason)
{
    /// <param name="offers">By rank; two or more.</param>
    public static NcclDecision Of(IReadOnlyList<NcclOffer> offers)
    {
        for (int rank = 0; rank < offers.Count; rank++)
        {
            if (offers[rank].Gpu.Length == 0)
            {
                return new(
                    false,
                    $"the gradients of rank {rank} are not on a GPU: {offers[rank].Reason}");
            }
        }

        for (int rank = 0; rank < offers.Count; rank++)
        {
            for (int other = 0; other < rank; other++)
            {
                if (offers[other].Gpu == offers[rank].Gpu)
                {
                    return new(
                        false,
                        $"ranks {other} and {rank} share {offers[rank].Gpu}: expected a GPU of "
                        + "its own for every rank, which NCCL insists on");
                }
            }
        }

        for (int rank = 0; rank < offers.Count; rank++)
        {
            if (offers[rank].Version.Length == 0)
                return new(false, $"rank {rank} has no NCCL: {offers[rank].Reason}");
            if (offers[rank].Version != offers[0].Version)
            {
                return new(
                    false,
                    $"rank 0 has NCCL {offers[0].Version} and rank {rank} has "
                    + $"{offers[rank].Version}: expected one version");
            }
        }

        return new(
            true,
            $"each of the {offers.Count} ranks has a GPU of its own on one host, and NCCL "
            + offers[0].Version);
    }
}
