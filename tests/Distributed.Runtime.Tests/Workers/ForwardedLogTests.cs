using Distributed.Cluster.Coordination;
using Distributed.Kernel;
using Distributed.Runtime.Workers;

namespace Distributed.Runtime.Tests.Workers;

/// <summary>
/// What a worker passes on of its log: nothing below Info, so many lines a second and no more, and
/// never a line about a line.
/// </summary>
public sealed class ForwardedLogTests
{
    private readonly List<ActorLogRecord> _written = [];
    private readonly Target _target = new();
    private readonly StandingClock _clock = new();
    private readonly ForwardedLog _log;

    public ForwardedLogTests() => _log = new ForwardedLog(_written.Add, _clock)
    {
        Target = _target,
    };

    [Fact]
    public void LinesOfInfoAndAboveArePassedOnAndAllAreWritten()
    {
        foreach (ActorLogLevel level in Enum.GetValues<ActorLogLevel>())
            Write(level, "text");
        Assert.Equal(4, _written.Count);
        Assert.Equal(
            [ActorLogLevel.Info, ActorLogLevel.Warning, ActorLogLevel.Error],
            _target.Lines.Select(line => line.Level));
    }

    [Fact]
    public void WhatIsTooMuchForASecondIsCountedAndToldOfInOneLine()
    {
        for (int line = 0; line < 3 * ForwardedLog.LinesPerSecondMax; line++)
            Write(ActorLogLevel.Info, $"{line}");
        Assert.Equal(ForwardedLog.LinesPerSecondMax, _target.Lines.Count);
        _log.Flush();
        Assert.Equal(ForwardedLog.LinesPerSecondMax, _target.Lines.Count);

        _clock.Now += TimeSpan.FromSeconds(1);
        _log.Flush();
        WorkerLogLine told = _target.Lines[^1];
        Assert.StartsWith($"{2 * ForwardedLog.LinesPerSecondMax} lines were dropped", told.Text);
        Write(ActorLogLevel.Info, "next");
        Assert.Equal("next", _target.Lines[^1].Text);
    }

    [Fact]
    public void ALineAboutALineThatWasLostIsNotPassedOn()
    {
        _target.OnLine = () => Write(ActorLogLevel.Warning, "it was not delivered");
        Write(ActorLogLevel.Info, "text");
        Assert.Equal("text", Assert.Single(_target.Lines).Text);
        Assert.Equal(2, _written.Count);
    }

    [Fact]
    public void LongTextsAreCut()
    {
        Write(ActorLogLevel.Info, new string('x', 1 << 20));
        Assert.InRange(Assert.Single(_target.Lines).Text.Length, 1000, 5000);
    }

    [Theory]
    [InlineData(0.5, 1, 1, 0.5)]
    [InlineData(2, 1, 4, 0.5)]
    [InlineData(9, 1, 4, 1)]
    [InlineData(1, 1, 0, 1)]
    [InlineData(1, 0, 1, 0)]
    public void UtilisationIsAShareOfTheThreads(
        double computedSeconds, double seconds, int threads, double expected) => Assert.Equal(
        expected,
        VitalsTimer.Utilisation(
            TimeSpan.FromSeconds(computedSeconds), TimeSpan.FromSeconds(seconds), threads));

    private void Write(ActorLogLevel level, string text) => _log.Write(
        new ActorLogRecord(level, DateTimeOffset.UnixEpoch, "/user/worker", text));

    private sealed class Target : IActorRef
    {
        public List<WorkerLogLine> Lines { get; } = [];

        public Action? OnLine { get; set; }

        public string Path => "/target";

        public void Tell(object message, IActorRef? sender = null)
        {
            Lines.Add(Assert.IsType<LogReported>(message).Line);
            OnLine?.Invoke();
        }
    }

    private sealed class StandingClock : TimeProvider
    {
        public TimeSpan Now { get; set; } = TimeSpan.FromSeconds(5);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch + Now;
    }
}
