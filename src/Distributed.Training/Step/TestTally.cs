using System.Buffers.Binary;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;

namespace Distributed.Training.Step;

/// <summary>
/// An all-gather of test results: every rank sends its own to all, byte for byte, so that all of
/// them hold the same.
/// </summary>
internal sealed class TestTally(ITransport transport, CollectiveScope scope, long step)
{
    /// <summary>The phase of its frames, beside those of an all-reduce.</summary>
    private const int Phase = 2;

    /// <summary>Batch, right answers, samples, then the sum of losses.</summary>
    private const int ResultBytes = (3 * sizeof(int)) + sizeof(double);

    /// <param name="results">All of them; this rank's are filled in.</param>
    /// <param name="shareOf">Which of them a rank has: from First up to, not including,
    /// End.</param>
    public void Exchange(EvaluatedBatch[] results, Func<int, (int First, int End)> shareOf)
    {
        byte[][] all = AllGather.Run(
            transport, Write(Share(transport.Rank)), Header,
            rank => Share(rank).Length * ResultBytes);
        for (int rank = 0; rank < all.Length; rank++)
            Read(all[rank], Share(rank));

        Span<EvaluatedBatch> Share(int rank)
        {
            (int first, int end) = shareOf(rank);
            return results.AsSpan(first, end - first);
        }

        FrameHeader Header(int rank)
        {
            (int first, int end) = shareOf(rank);
            return new(
                scope.Job, scope.Generation, step, Bucket: 0, Phase, Node: rank, Offset: first,
                Length: end - first, Checksum: 0);
        }
    }

    private static byte[] Write(ReadOnlySpan<EvaluatedBatch> results)
    {
        var bytes = new byte[results.Length * ResultBytes];
        Span<byte> rest = bytes;
        foreach (EvaluatedBatch result in results)
        {
            BinaryPrimitives.WriteInt32LittleEndian(rest, result.Batch);
            BinaryPrimitives.WriteInt32LittleEndian(rest[4..], result.Correct);
            BinaryPrimitives.WriteInt32LittleEndian(rest[8..], result.Samples);
            BinaryPrimitives.WriteDoubleLittleEndian(rest[12..], result.LossSum);
            rest = rest[ResultBytes..];
        }

        return bytes;
    }

    private static void Read(ReadOnlySpan<byte> bytes, Span<EvaluatedBatch> results)
    {
        for (int index = 0; index < results.Length; index++)
        {
            ReadOnlySpan<byte> at = bytes[(index * ResultBytes)..];
            results[index] = new EvaluatedBatch(
                BinaryPrimitives.ReadInt32LittleEndian(at),
                BinaryPrimitives.ReadDoubleLittleEndian(at[12..]),
                BinaryPrimitives.ReadInt32LittleEndian(at[4..]),
                BinaryPrimitives.ReadInt32LittleEndian(at[8..]));
        }
    }
}
