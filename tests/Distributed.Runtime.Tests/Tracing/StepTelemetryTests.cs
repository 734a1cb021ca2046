using System.Diagnostics;
using Distributed.Collectives.Reduction;
using Distributed.Runtime.Tests.Workers;
using Distributed.Runtime.Tracing;
using Distributed.Training.Step;
using Xunit.Abstractions;

namespace Distributed.Runtime.Tests.Tracing;

/// <summary>What telling of a step costs, alone: listeners are the whole process's.</summary>
[Collection(WholeProcessCollection.Name)]
public sealed class StepTelemetryTests(ITestOutputHelper output)
{
    private const int Steps = 100_000;

    private static readonly StepResult Result = new(0.5, 3, 64, 0.1, 2, 1, 0.5, 4, 0, 0, 0);

    [Fact]
    public void AStepThatNobodyListensToAllocatesNothing()
    {
        StepTelemetry telemetry = Joined(everySteps: 1);
        Step(telemetry, 1_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        long started = Stopwatch.GetTimestamp();
        Step(telemetry, Steps);
        double ns = Stopwatch.GetElapsedTime(started).TotalNanoseconds / Steps;
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        output.WriteLine($"nobody listens: {ns:0.0} ns a step");
    }

    [Fact]
    public void OneStepInSoManyIsTracedAndTheFirstOfAGeneration()
    {
        var seen = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == TraceSources.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) =>
                ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = seen.Add,
        };
        ActivitySource.AddActivityListener(listener);

        StepTelemetry telemetry = Joined(everySteps: 10);
        for (long step = 3; step <= 25; step++)
            telemetry.Stepped(step, Result);
        Activity[] roots = [.. seen.Where(span => span.OperationName == "step")];
        Assert.Equal([3L, 10L, 20L], roots.Select(root => root.GetTagItem("step")));
        Assert.All(roots, root => Assert.Equal(default, root.ParentSpanId));
        Assert.Equal(StepTraceId.Of(7, 10), roots[1].TraceId);
        Assert.Null(Activity.Current);

        telemetry.Trace(
            30, Result,
            [
                new(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(1), 8),
                new(TimeSpan.FromMilliseconds(2), TimeSpan.FromMilliseconds(0.5), 4),
            ]);
        Activity step30 = seen.Last(span => span.OperationName == "step");
        Activity whole = seen.Last(span => span.OperationName == "all-reduce");
        Assert.Equal(step30.SpanId, whole.ParentSpanId);
        Assert.Equal(TimeSpan.FromMilliseconds(1.5), whole.Duration);
        Assert.Equal(step30.StartTimeUtc.AddMilliseconds(1), whole.StartTimeUtc);
        Assert.Equal(
            [whole.SpanId, whole.SpanId],
            seen.Where(span => span.OperationName == "bucket").Select(span => span.ParentSpanId));

        long started = Stopwatch.GetTimestamp();
        for (int round = 0; round < 1_000; round++)
            telemetry.Trace(30, Result, []);
        output.WriteLine(
            $"a traced step: {Stopwatch.GetElapsedTime(started).TotalMicroseconds / 1_000:0.0} us");
    }

    [Fact]
    public void ATraceFollowsFromJobAndStepAlone()
    {
        Assert.Equal(StepTraceId.Of(1, 2), StepTraceId.Of(1, 2));
        Assert.NotEqual(StepTraceId.Of(1, 2), StepTraceId.Of(2, 1));
        Assert.NotEqual(StepTraceId.Of(1, 2), StepTraceId.Of(1, 3));
        // Others compute it too: it never changes.
        Assert.Equal(32, StepTraceId.Of(1, 2).ToHexString().Length);
    }

    private static void Step(StepTelemetry telemetry, int count)
    {
        for (long step = 1; step <= count; step++)
            telemetry.Stepped(step, Result);
    }

    private static StepTelemetry Joined(int everySteps)
    {
        var telemetry = new StepTelemetry("w0", everySteps, TimeProvider.System);
        telemetry.Join(new CollectiveScope(7, 2), "run", rank: 1, gradientBytes: 1024, () => []);
        return telemetry;
    }
}
