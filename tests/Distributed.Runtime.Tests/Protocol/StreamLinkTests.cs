using System.Collections.Concurrent;
using Distributed.Kernel;
using Distributed.Runtime.Protocol;

namespace Distributed.Runtime.Tests.Protocol;

/// <summary>
/// A stream as a reference: in order, at most once, and nothing of what is told is lost without
/// somebody hearing of it.
/// </summary>
public sealed class StreamLinkTests
{
    private const string Last = "last";

    private readonly Probe _deadLetters = new();
    private readonly ConcurrentQueue<string> _written = new();

    [Fact]
    public async Task MessagesAreWrittenInOrderUntilTheLastOne()
    {
        StreamLink<string> link = Link();
        Task pump = link.PumpAsync(Write, CancellationToken.None);
        string[] told = [.. Enumerable.Range(0, 1_000).Select(index => $"{index}"), Last];
        foreach (string message in told)
            link.Tell(message);
        await pump;
        Assert.Equal(told, _written);
        Assert.NotNull(link.CloseReason);
    }

    [Fact]
    public async Task ClosingWritesWhatWasToldBeforeAndNothingAfter()
    {
        StreamLink<string> link = Link();
        link.Tell("before");
        link.Close("enough");
        link.Close("more than enough");
        link.Tell("after");
        await link.PumpAsync(Write, CancellationToken.None);
        Assert.Equal(["before"], _written);
        Assert.Equal("enough", link.CloseReason);
        Assert.Equal(["after"], _deadLetters.Told);
    }

    [Fact]
    public async Task AMessageThatIsNotSentEndsTheStream()
    {
        StreamLink<string> link = Link();
        link.Tell("before");
        link.Tell(42);
        await link.PumpAsync(Write, CancellationToken.None);
        Assert.Equal(["before"], _written);
        Assert.NotNull(link.CloseReason);
    }

    [Fact]
    public void WatchersAreToldOnceThatTheStreamHasEnded()
    {
        StreamLink<string> link = Link();
        var early = new Probe();
        var gone = new Probe();
        link.AddWatcher(early);
        link.AddWatcher(gone);
        link.RemoveWatcher(gone);
        link.Close("enough");
        Assert.Empty(early.Ended);
        link.End("its connection broke");
        var late = new Probe();
        link.AddWatcher(late);
        Assert.Same(link, Assert.Single(early.Ended).Actor);
        Assert.Same(link, Assert.Single(late.Ended).Actor);
        Assert.Empty(gone.Ended);
        link.Tell("after");
        Assert.Equal(["after"], _deadLetters.Told);
    }

    /// <summary>Frames must not go on after a gap: the stream breaks instead.</summary>
    [Fact]
    public async Task AFarEndThatFallsTooFarBehindIsGivenUp()
    {
        StreamLink<string> link = Link();
        for (int message = 0; message < StreamLink<string>.FramesMax; message++)
            link.Tell($"{message}");
        Assert.Null(link.CloseReason);
        link.Tell("too many");
        Assert.Equal(["too many"], _deadLetters.Told);
        Assert.NotNull(link.CloseReason);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => link.PumpAsync(_ => Task.Delay(Timeout.Infinite), CancellationToken.None));
    }

    [Fact]
    public async Task APumpEndsWithItsCancellationThoughAWriteHangs()
    {
        StreamLink<string> link = Link();
        link.Tell("never taken");
        using var stop = new CancellationTokenSource();
        Task pump = link.PumpAsync(_ => Task.Delay(Timeout.Infinite), stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pump);
    }

    private StreamLink<string> Link() => new(
        "/far/end", message => message as string, message => message is Last, _deadLetters);

    private Task Write(string frame)
    {
        _written.Enqueue(frame);
        return Task.CompletedTask;
    }

    private sealed class Probe : IDeathWatch
    {
        public string Path => "/probe";

        public ConcurrentQueue<object> Told { get; } = new();

        public ConcurrentQueue<Terminated> Ended { get; } = new();

        public void Tell(object message, IActorRef? sender = null) => Told.Enqueue(message);

        public void AddWatcher(IDeathWatch watcher) => Assert.Fail("nobody watches a probe");

        public void RemoveWatcher(IDeathWatch watcher) => Assert.Fail("nobody watches a probe");

        public void TellTerminated(Terminated terminated) => Ended.Enqueue(terminated);
    }
}
