using Distributed.Kernel;
using Distributed.Runtime.Showing;

namespace Distributed.Runtime.Tests.Showing;

public sealed class BackgroundThreadTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void WorkThatFindsTooMuchWaitingIsDroppedAndCounted()
    {
        using var gate = new ManualResetEventSlim();
        using var begun = new ManualResetEventSlim();
        using var thread = new BackgroundThread("test", waitingMax: 2, _ => { });
        int done = 0;
        Assert.True(thread.TryPost(_ =>
        {
            begun.Set();
            gate.Wait(Patience, CancellationToken.None);
        }));
        Assert.True(begun.Wait(Patience));
        Assert.True(thread.TryPost(_ => done++));
        Assert.True(thread.TryPost(_ => done++));
        Assert.False(thread.TryPost(_ => done++));
        Assert.Equal(1, thread.Dropped);
        Assert.False(thread.Drain(TimeSpan.FromMilliseconds(1), CancellationToken.None));

        gate.Set();
        Assert.True(thread.Drain(Patience, CancellationToken.None));
        Assert.Equal(2, done);
    }

    /// <summary>A broken invariant too: no run is lost for what is shown of it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AFailureIsToldOnceAndNothingMoreIsDone(bool isInvariant)
    {
        var told = new List<string>();
        bool isDone = false;
        using var gate = new ManualResetEventSlim();
        using var thread = new BackgroundThread("test", 4, failure => told.Add(failure.Message));
        void Fail(CancellationToken stop)
        {
            gate.Wait(Patience, stop);
            throw isInvariant ? new InvariantException("no") : new InvalidOperationException("no");
        }

        Assert.True(thread.TryPost(Fail));
        Assert.True(thread.TryPost(Fail));
        Assert.True(thread.TryPost(_ => isDone = true));
        gate.Set();
        Assert.True(thread.Drain(Patience, CancellationToken.None));
        Assert.False(thread.TryPost(_ => isDone = true));
        Assert.True(thread.Drain(Patience, CancellationToken.None));
        Assert.Equal(["no"], told);
        Assert.False(isDone);
    }

    [Fact]
    public void WhatWaitsIsLeftUndoneAtTheEndAndWhatIsUnderWayIsCancelled()
    {
        using var begun = new ManualResetEventSlim();
        bool isDone = false;
        var thread = new BackgroundThread("test", 2, _ => { });
        thread.TryPost(stop =>
        {
            begun.Set();
            stop.WaitHandle.WaitOne();
            stop.ThrowIfCancellationRequested();
        });
        thread.TryPost(_ => isDone = true);
        Assert.True(begun.Wait(Patience));
        thread.Dispose();
        Assert.False(isDone);
    }
}
