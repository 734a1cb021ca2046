using System.Buffers.Binary;
using System.Diagnostics;
using Distributed.Kernel;

namespace Distributed.Runtime.Tracing;

/// <summary>
/// Which trace a step belongs to. It follows from job and step alone, so that the spans of all
/// workers meet in one trace though none has told another.
/// </summary>
internal static class StepTraceId
{
    private const ulong High = 0x7472616365; // "trace"
    private const ulong Low = 0x7374657073; // "steps"
    private const ulong Link = 0x6C696E6B; // "link"

    public static ActivityTraceId Of(ulong job, long step)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, CounterRandom.Key(High, job, (ulong)step));
        BinaryPrimitives.WriteUInt64BigEndian(
            bytes[8..], CounterRandom.Key(Low, job, (ulong)step) | 1);
        return ActivityTraceId.CreateFromBytes(bytes);
    }

    /// <summary>
    /// The parent of a span that is a root of the step's trace: there is one for every rank, since
    /// none knows another's span.
    /// </summary>
    public static ActivityContext Root(ulong job, long step) =>
        new(Of(job, step), default, ActivityTraceFlags.Recorded, isRemote: true);

    /// <summary>
    /// Points from another trace to the step's. A link has to name a span, and the ranks draw
    /// theirs: this one stands for the trace as a whole.
    /// </summary>
    public static ActivityLink LinkTo(ulong job, long step)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(
            bytes, CounterRandom.Key(Link, job, (ulong)step) | 1);
        return new ActivityLink(new ActivityContext(
            Of(job, step), ActivitySpanId.CreateFromBytes(bytes), ActivityTraceFlags.Recorded,
            isRemote: true));
    }
}
