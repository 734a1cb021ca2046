using System.Text;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Kernel;
using Distributed.Runtime.SharedMemory;
using Distributed.Torch;

namespace Distributed.Runtime.Nccl;

/// <summary>
/// How the ranks of a host come to a group over NCCL: each tells the others what it has; where all
/// have what it takes, rank 0 names the group to all, each connects and tells whether that worked.
/// All know the same in the end, so all go on alike.
/// </summary>
/// <param name="ranks">Of the whole generation; not owned.</param>
/// <param name="plan">Who contributes which nodes.</param>
/// <param name="decided">Told which way was taken and why, where a GPU is concerned.</param>
internal sealed class NcclExchange(
    ISharingRanks ranks, ReductionPlan plan, Action<string> decided)
{
    /// <summary>The first group of a process takes seconds.</summary>
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(60);

    private const int Phase = 6;
    private const int NoticeLength = 512;

    /// <summary>Null where gradients are to travel otherwise, on every rank alike.</summary>
    /// <param name="own">What this rank has.</param>
    /// <param name="isAskedFor">Whether nothing else will do.</param>
    /// <param name="connectTimeout">How long to wait for the others; null for what suits.</param>
    /// <exception cref="OperatingException">It was asked for and cannot be.</exception>
    /// <exception cref="PeerLostException">A peer is gone.</exception>
    /// <exception cref="CollectiveCancelledException">The transport was cancelled.</exception>
    public NcclReducer? TryOpen(
        NcclOffer own, bool isAskedFor, TimeSpan? connectTimeout = null)
    {
        NcclOffer[] offers =
        [
            .. Tell(round: 0, own.ToBytes()).Select(NcclOffer.FromBytes),
        ];
        NcclDecision decision = NcclDecision.Of(offers);
        NcclReducer? reducer = null;
        if (decision.IsTaken)
            (reducer, decision) = Connect(decision, connectTimeout ?? ConnectTimeout);
        if (reducer is not null)
            decided($"gradients are summed over NCCL: {decision.Reason}");
        else if (isAskedFor)
        {
            throw new OperatingException(
                $"transport nccl was asked for, but {decision.Reason}; mend that, or use "
                + "--transport auto");
        }
        else if (offers.Any(offer => offer.Gpu.Length > 0))
            decided($"gradients are summed in shared memory: {decision.Reason}");
        return reducer;
    }

    private (NcclReducer? Reducer, NcclDecision Decision) Connect(
        NcclDecision decision, TimeSpan timeout)
    {
        var id = new byte[NcclLibrary.IdLength];
        string trouble = ranks.Transport.Rank == 0
            ? Try(() => NcclLibrary.DrawId().CopyTo(id, 0))
            : "";
        byte[] named = Tell(round: 1, [.. id, .. Notice(trouble)])[0];
        trouble = Text(named.AsSpan(NcclLibrary.IdLength));
        if (trouble.Length > 0)
            return (null, new NcclDecision(false, $"rank 0 cannot begin with NCCL: {trouble}"));
        NcclReducer? reducer = null;
        bool isOpen = false;
        try
        {
            trouble = Try(() =>
            {
                reducer = new NcclReducer(ranks, named.AsSpan(0, NcclLibrary.IdLength), plan);
                reducer.Connect(timeout);
            });
            string[] troubles =
                [.. Tell(round: 2, Notice(trouble)).Select(notice => Text(notice))];
            int failed = Array.FindIndex(troubles, text => text.Length > 0);
            isOpen = failed < 0;
            return isOpen
                ? (reducer, decision)
                : (null, new NcclDecision(
                    false, $"rank {failed} cannot connect over NCCL: {troubles[failed]}"));
        }
        finally
        {
            if (!isOpen)
                reducer?.Dispose();
        }
    }

    /// <summary>What went wrong; empty where nothing did.</summary>
    private static string Try(Action action)
    {
        try
        {
            action();
            return "";
        }
        catch (TorchException failure)
        {
            return failure.Message;
        }
    }

    private static byte[] Notice(string text)
    {
        var bytes = new byte[NoticeLength];
        Encoding.UTF8.GetEncoder().Convert(text, bytes, flush: true, out _, out _, out _);
        return bytes;
    }

    private static string Text(ReadOnlySpan<byte> notice) =>
        Encoding.UTF8.GetString(notice.TrimEnd((byte)0));

    private byte[][] Tell(int round, byte[] own) => AllGather.Run(
        ranks.Transport, own, rank => new FrameHeader(
            ranks.Job, ranks.Generation, Step: 0, round, Phase, rank, Offset: 0, own.Length,
            Checksum: 0));
}
