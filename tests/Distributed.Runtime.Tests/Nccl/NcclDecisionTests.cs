using Distributed.Runtime.Nccl;

namespace Distributed.Runtime.Tests.Nccl;

/// <summary>
/// Goal: NCCL is taken where every rank has a GPU of its own and the same library, and every other
/// case says which rank lacks what. Method: one case for each thing that can be missing.
/// </summary>
public sealed class NcclDecisionTests
{
    private static readonly NcclOffer s_first = new("NVIDIA H200, GPU-0", "2.27.3", "");
    private static readonly NcclOffer s_second = new("NVIDIA H200, GPU-1", "2.27.3", "");

    [Fact]
    public void RanksWithAGpuEachTakeIt()
    {
        NcclDecision decision = NcclDecision.Of([s_first, s_second]);
        Assert.Equal(
            new NcclDecision(
                true, "each of the 2 ranks has a GPU of its own on one host, and NCCL 2.27.3"),
            decision);
    }

    [Fact]
    public void TwoRanksOfOneGpuDoNot()
    {
        NcclDecision decision = NcclDecision.Of([s_first, s_second, s_second]);
        Assert.False(decision.IsTaken);
        Assert.Contains(
            "ranks 1 and 2 share NVIDIA H200, GPU-1", decision.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void ARankWithoutGpuIsNamedFirst()
    {
        NcclDecision decision = NcclDecision.Of(
            [s_first, new("", "", "it computes on cpu")]);
        Assert.Equal(
            new NcclDecision(
                false, "the gradients of rank 1 are not on a GPU: it computes on cpu"),
            decision);
    }

    [Fact]
    public void ARankWithoutTheLibraryIsNamedWithItsReason()
    {
        NcclDecision decision = NcclDecision.Of(
            [s_first, s_second with { Version = "", Reason = "libnccl.so.2 is not there" }]);
        Assert.Equal(
            new NcclDecision(false, "rank 1 has no NCCL: libnccl.so.2 is not there"), decision);
    }

    [Fact]
    public void VersionsThatDifferDoNot()
    {
        NcclDecision decision = NcclDecision.Of([s_first, s_second with { Version = "2.21.5" }]);
        Assert.Equal(
            new NcclDecision(
                false, "rank 0 has NCCL 2.27.3 and rank 1 has 2.21.5: expected one version"),
            decision);
    }

    /// <summary>However long a name or a reason is: ranks receive as much as they
    /// expect.</summary>
    [Fact]
    public void AnOfferIsReadAsItWasWritten()
    {
        Assert.Equal(s_first, NcclOffer.FromBytes(s_first.ToBytes()));
        var wordy = new NcclOffer(
            new string('ü', 500), new string('2', 500), "one\ntwo" + new string('.', 1000));
        byte[] bytes = wordy.ToBytes();
        NcclOffer read = NcclOffer.FromBytes(bytes);
        Assert.Equal(NcclOffer.ByteLength, bytes.Length);
        Assert.Equal(new string('ü', 150), read.Gpu);
        Assert.StartsWith("one two.", read.Reason, StringComparison.Ordinal);
        Assert.NotEqual("", NcclOffer.FromBytes(new byte[NcclOffer.ByteLength]).Reason);
    }
}
