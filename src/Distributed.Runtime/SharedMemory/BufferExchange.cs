using System.ComponentModel;
using System.Runtime.InteropServices;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// How the ranks of a generation come to map each other's gradient nodes: each makes a segment and
/// tells the others its label; each maps those of the others and tells whether that worked. All
/// ranks know the same in the end, so all go on alike.
/// </summary>
internal sealed class BufferExchange(
    SharedMemoryTransport transport, ReductionPlan plan, long nodeElements, Action<string>? warn)
{
    private const int Phase = 3;

    private readonly BufferSegment?[] _segments = new BufferSegment?[transport.Size];

    /// <summary>The segments by rank, owned by the caller; null where there is no room.</summary>
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
            _segments[transport.Rank]?.Unlink();
            if (!isShared) Array.ForEach(_segments, segment => segment?.Dispose());
        }
    }

    /// <summary>What the ranks made, or null where one of them could not.</summary>
    private SegmentLabel[]? Offer()
    {
        var own = LabelOf(transport.Rank) with { Identity = ProcessSeed.Draw() };
        var error = Try(() => BufferSegment.Create(PathOf(transport.Rank), own));
        var offers = Tell(round: 0, new Notice(own, error));
        for (var rank = 0; rank < offers.Length; rank++)
        {
            var (expected, got) = (LabelOf(rank), offers[rank].Label with { Identity = 0 });
            if (got != expected)
            {
                throw new FrameRefusedException(
                    rank, transport.Rank, "gradient segment", $"{expected}", $"{got}");
            }
        }

        return HaveAll(offers, "allocated") ? [.. offers.Select(offer => offer.Label)] : null;
    }

    private bool Map(SegmentLabel[] labels)
    {
        var error = 0;
        for (var rank = 0; rank < labels.Length && error == 0; rank++)
        {
            if (rank == transport.Rank) continue;
            try
            {
                error = Try(() => BufferSegment.Attach(PathOf(rank), labels[rank]));
            }
            catch (InvalidDataException foreign)
            {
                throw transport.Lost(rank, foreign.Message);
            }
        }

        return HaveAll(Tell(round: 1, new Notice(labels[transport.Rank], error)), "mapped");
    }

    /// <summary>Takes the segment over; otherwise the number of the error.</summary>
    private int Try(Func<BufferSegment> open)
    {
        try
        {
            var segment = open();
            _segments[segment.Label.Rank] = segment;
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
        if (transport.Rank == 0)
        {
            var bytes = Enumerable.Range(0, notices.Length)
                .Sum(rank => BufferSegment.FileBytes(LabelOf(rank)));
            warn?.Invoke(
                $"gradients are copied between the workers of this host, which is slower: expected"
                + $" {bytes} bytes of shared memory for them in {transport.Directory}, but those"
                + $" of rank {failed} could not be {what}"
                + $" ({new Win32Exception(notices[failed].Error).Message}); make it larger, in a"
                + " container by --shm-size");
        }

        return false;
    }

    /// <summary>Tells all ranks, and returns what each of them told.</summary>
    private unsafe Notice[] Tell(int round, Notice own)
    {
        var notices = new Notice[transport.Size];
        var memory = new byte[sizeof(Notice)];
        MemoryMarshal.Write(memory, own);
        for (var distance = 1; distance < transport.Size; distance++)
        {
            transport.Send(
                (transport.Rank + distance) % transport.Size, Header(round, transport.Rank),
                memory);
        }

        for (var peer = 0; peer < transport.Size; peer++)
        {
            var theirs = peer == transport.Rank ? memory : new byte[sizeof(Notice)];
            if (peer != transport.Rank) transport.Receive(peer, Header(round, peer), theirs);
            notices[peer] = MemoryMarshal.Read<Notice>(theirs);
        }

        transport.Flush();
        return notices;
    }

    private unsafe FrameHeader Header(int round, int rank) => new(
        transport.Job, transport.Generation, Step: 0, round, Phase, rank, Offset: 0,
        sizeof(Notice), Checksum: 0);

    private SegmentLabel LabelOf(int rank) => new(
        SegmentLabel.CurrentLayout, transport.Job, transport.Generation, rank,
        plan.Locals[rank].Nodes.Count, nodeElements, Identity: 0);

    private string PathOf(int rank) => new SegmentName(
        transport.ProcessOf(rank), transport.Job, transport.Generation, rank, ToRank: null)
        .PathIn(transport.Directory);

    /// <param name="Label">Of the sender's segment.</param>
    /// <param name="Error">Of the system's, or 0.</param>
    private readonly record struct Notice(SegmentLabel Label, int Error);
}
