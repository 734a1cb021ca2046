using Distributed.Collectives.Transport;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// One failure reaches many blocked calls; each gets an exception of its own, because a thrown
/// exception carries the stack of its thrower.
/// </summary>
internal static class Failures
{
    internal static Exception Again(Exception failure) => failure switch
    {
        CollectiveCancelledException cancelled => new CollectiveCancelledException(
            cancelled.Reason),
        PeerLostException lost => new PeerLostException(
            lost.Rank, lost.Peer, lost.Address, lost.Reason, lost.InnerException),
        FrameRefusedException refused => new FrameRefusedException(
            refused.FromRank, refused.ToRank, refused.Field, refused.Expected, refused.Got),
        _ => failure,
    };
}
