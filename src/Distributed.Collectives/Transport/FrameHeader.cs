using System.Runtime.InteropServices;

namespace Distributed.Collectives.Transport;

/// <summary>
/// What travels in front of every payload, and what a receiver compares with what it expected.
/// </summary>
/// <param name="Job">The job's number.</param>
/// <param name="Generation">The generation of the job's membership.</param>
/// <param name="Step">The training step.</param>
/// <param name="Bucket">The gradient bucket.</param>
/// <param name="Phase">0 while shards are summed (scatter), 1 while sums return (gather).</param>
/// <param name="Node">The node of the reduction tree that the payload belongs to.</param>
/// <param name="Offset">The first element of the payload in the flat gradient.</param>
/// <param name="Length">The number of elements in the payload.</param>
/// <param name="Checksum">CRC-32C of the payload. The transport fills it in.</param>
/// <param name="Format">How the payload's elements are written.</param>
/// <remarks>Without gaps, so that it fits a cache line where it lies in shared memory.</remarks>
[StructLayout(LayoutKind.Sequential, Pack = sizeof(int))]
public readonly record struct FrameHeader(
    ulong Job,
    int Generation,
    long Step,
    int Bucket,
    int Phase,
    int Node,
    long Offset,
    int Length,
    uint Checksum,
    ElementFormat Format = ElementFormat.Float32)
{
    /// <summary>
    /// The refusal of the first field that differs from <paramref name="expected"/>, or null when
    /// all agree. The checksum is not compared: it belongs to the payload.
    /// </summary>
    public FrameRefusedException? RefusalAgainst(in FrameHeader expected, int fromRank, int toRank)
    {
        if (this with { Checksum = expected.Checksum } == expected) return null;
        var (field, wanted, got) = FirstDifference(expected);
        return new FrameRefusedException(fromRank, toRank, field, $"{wanted}", $"{got}");
    }

    private (string Field, object Wanted, object Got) FirstDifference(in FrameHeader expected) =>
        this switch
        {
            _ when Job != expected.Job => ("job", expected.Job, Job),
            _ when Generation != expected.Generation =>
                ("generation", expected.Generation, Generation),
            _ when Format != expected.Format =>
                ("element format", expected.Format, Format),
            _ when Step != expected.Step => ("step", expected.Step, Step),
            _ when Bucket != expected.Bucket => ("bucket", expected.Bucket, Bucket),
            _ when Phase != expected.Phase => ("phase", expected.Phase, Phase),
            _ when Node != expected.Node => ("node", expected.Node, Node),
            _ when Offset != expected.Offset => ("offset", expected.Offset, Offset),
            _ => ("length", expected.Length, Length),
        };
}
