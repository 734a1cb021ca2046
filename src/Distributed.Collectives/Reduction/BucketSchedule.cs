using System.Globalization;

namespace Distributed.Collectives.Reduction;

/// <summary>
/// Decides which buckets are reduced as one. Few groups save the fixed cost of each; many begin
/// earlier, and leave less to do when backward ends.
/// </summary>
public static class BucketSchedule
{
    /// <summary>
    /// The grouping with which the last sum is there earliest; of equals, one with fewer groups.
    /// A group begins when its last bucket is ready and the group before it is done.
    /// </summary>
    /// <param name="readyMs">When each bucket is ready, from the step's begin; never
    /// decreasing.</param>
    /// <param name="bytes">Of each bucket.</param>
    /// <param name="cost">Of an all-reduce.</param>
    public static BucketGrouping Choose(
        IReadOnlyList<double> readyMs, IReadOnlyList<long> bytes, LinkCost cost)
    {
        int count = bytes.Count;
        // For the buckets before each bound: the earliest finish, and how it comes about.
        var finishMs = new double[count + 1];
        var groups = new int[count + 1];
        var begins = new int[count + 1];
        for (int end = 1; end <= count; end++)
        {
            finishMs[end] = double.PositiveInfinity;
            long groupBytes = 0;
            for (int begin = end - 1; begin >= 0; begin--)
            {
                groupBytes += bytes[begin];
                double finish =
                    Math.Max(readyMs[end - 1], finishMs[begin]) + cost.Of(groupBytes);
                bool isBetter = finish < finishMs[end]
                    || (finish == finishMs[end] && groups[begin] + 1 < groups[end]);
                if (isBetter)
                    (finishMs[end], groups[end], begins[end]) = (finish, groups[begin] + 1, begin);
            }
        }

        var ends = new List<int>();
        for (int end = count; end > 0; end = begins[end])
            ends.Insert(0, end);
        double aloneMs = FinishMs(readyMs, bytes, cost, [.. Enumerable.Range(1, count)]);
        return new BucketGrouping(ends, string.Create(
            CultureInfo.InvariantCulture,
            $"{count} buckets, grouped into {ends.Count}: at {cost.FixedMs:0.###} ms a group and "
            + $"{cost.MsPerByte * (1 << 20):0.###} ms a MiB the last sum is there "
            + $"{finishMs[count] - readyMs[^1]:0.###} ms after backward, one by one "
            + $"{aloneMs - readyMs[^1]:0.###} ms"));
    }

    /// <summary>When the last sum of a grouping is there.</summary>
    public static double FinishMs(
        IReadOnlyList<double> readyMs, IReadOnlyList<long> bytes, LinkCost cost,
        IReadOnlyList<int> ends)
    {
        var (finishMs, begin) = (0.0, 0);
        foreach (int end in ends)
        {
            long groupBytes = 0;
            for (; begin < end; begin++)
                groupBytes += bytes[begin];
            finishMs = Math.Max(readyMs[end - 1], finishMs) + cost.Of(groupBytes);
        }

        return finishMs;
    }

    /// <summary>Groups of so many bytes or more, but for the last: without times.</summary>
    public static BucketGrouping OfSize(IReadOnlyList<long> bytes, long groupBytes)
    {
        var ends = new List<int>();
        long size = 0;
        for (int bucket = 0; bucket < bytes.Count; bucket++)
        {
            size += bytes[bucket];
            if (size < groupBytes && bucket < bytes.Count - 1)
                continue;
            ends.Add(bucket + 1);
            size = 0;
        }

        return new BucketGrouping(ends, $"groups of {groupBytes} bytes until times are measured");
    }
}
