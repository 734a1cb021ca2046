using System.ComponentModel;
using System.Runtime.InteropServices;
using Distributed.Collectives.Transport;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// How the ranks of a generation come to map each other's gradient nodes: each makes a segment and
/// tells the others its label; each maps those of the others and tells whether that worked. All
/// ranks know the same in the end, so all go on alike.
/// </summary>
internal sealed class BufferExchange(
    ISharingRanks ranks, IReadOnlyList<int> nodeCounts, long nodeElements, Action<string>? warn)
{
    private const int Phase = 3;

    private readonly ITransport _transport = ranks.Transport;
    private readonly BufferSegment?[] _segments = new BufferSegment?[ranks.Transport.Size];

    /// <summary>By number of the rank, owned by the caller; null where there is no room.</summary>
    internal BufferSegment[]? Run()
    {
        var isShared = false;
        try
        {
            isShared = Offer() is { } offers && Map(offers);
            return isShared ? [.. _segments.Select(segment => segment!)] : null;
        }
        finally
        {
            // Of an own segment that all have mapped, the file is not needed any more.
            _segments[_transport.Rank]?.Unlink();
            if (!isShared) Array.ForEach(_segments, segment => segment?.Dispose());
        }
    }

    /// <summary>What the ranks made, or null where one of them could not.</summary>
    private SegmentLabel[]? Offer()
    {
        var own = LabelOf(_transport.Rank) with { Identity = ProcessSeed.Draw() };
        var error = Try(
            _transport.Rank, () => BufferSegment.Create(PathOf(_transport.Rank), own));
        var offers = Tell(round: 0, new Notice(own, error));
        for (var rank = 0; rank < offers.Length; rank++)
        {
            var (expected, got) = (LabelOf(rank), offers[rank].Label with { Identity = 0 });
            if (got != expected)
            {
                throw new FrameRefusedException(
                    ranks.RankOf(rank), ranks.RankOf(_transport.Rank), "gradient segment",
                    $"{expected}", $"{got}");
            }
        }

        return HaveAll(offers, "allocated") ? [.. offers.Select(offer => offer.Label)] : null;
    }

    private bool Map(SegmentLabel[] labels)
    {
        var error = 0;
        for (var rank = 0; rank < labels.Length && error == 0; rank++)
        {
            if (rank == _transport.Rank) continue;
            try
            {
                error = Try(rank, () => BufferSegment.Attach(PathOf(rank), labels[rank]));
            }
            catch (InvalidDataException foreign)
            {
                throw ranks.Lost(rank, foreign.Message);
            }
        }

        return HaveAll(Tell(round: 1, new Notice(labels[_transport.Rank], error)), "mapped");
    }

    /// <summary>Takes the segment over; otherwise the number of the error.</summary>
    private int Try(int rank, Func<BufferSegment> open)
    {
        try
        {
            _segments[rank] = open();
            return 0;
        }
        catch (IOException refused)
        {
            return refused.HResult;
        }
    }

    private bool HaveAll(Notice[] notices, string what)
    {
        var failed = Array.FindIndex(notices, notice => notice.Error != 0);
        if (failed < 0) return true;
        // One line is enough for all.
        if (_transport.Rank == 0)
        {
            var bytes = Enumerable.Range(0, notices.Length)
                .Sum(rank => BufferSegment.FileBytes(LabelOf(rank)));
            warn?.Invoke(
                $"gradients are copied between the workers of this host, which is slower: expected"
                + $" {bytes} bytes of shared memory for them in {ranks.Directory}, but those"
                + $" of rank {ranks.RankOf(failed)} could not be {what}"
                + $" ({new Win32Exception(notices[failed].Error).Message}); make it larger, in a"
                + " container by --shm-size");
        }

        return false;
    }

    /// <summary>Tells all ranks, and returns what each of them told.</summary>
    private unsafe Notice[] Tell(int round, Notice own)
    {
        var memory = new byte[sizeof(Notice)];
        MemoryMarshal.Write(memory, own);
        return
        [
            .. AllGather.Run(_transport, memory, rank => Header(round, rank))
                .Select(theirs => MemoryMarshal.Read<Notice>(theirs)),
        ];
    }

    private unsafe FrameHeader Header(int round, int rank) => new(
        ranks.Job, ranks.Generation, Step: 0, round, Phase, rank, Offset: 0,
        sizeof(Notice), Checksum: 0);

    private SegmentLabel LabelOf(int rank) => new(
        SegmentLabel.CurrentLayout, ranks.Job, ranks.Generation, ranks.RankOf(rank),
        nodeCounts[rank], nodeElements, Identity: 0);

    private string PathOf(int rank) => new SegmentName(
        ranks.ProcessOf(rank), ranks.Job, ranks.Generation, ranks.RankOf(rank), ToRank: null)
        .PathIn(ranks.Directory);

    /// <param name="Label">Of the sender's segment.</param>
    /// <param name="Error">Of the system's, or 0.</param>
    private readonly record struct Notice(SegmentLabel Label, int Error);
}
