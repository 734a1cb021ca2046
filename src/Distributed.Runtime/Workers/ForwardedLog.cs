using Distributed.Cluster.Coordination;
using Distributed.Kernel;

namespace Distributed.Runtime.Workers;

/// <summary>
/// A worker's log: every record goes where the process has its log, and those of level Info and
/// above to the worker's actor too, which passes them on to the coordinator while it has one. Of
/// more than <see cref="LinesPerSecondMax"/> a second the rest is counted and told of in one line.
/// Thread-safe.
/// </summary>
internal sealed class ForwardedLog(Action<ActorLogRecord> log, TimeProvider clock)
{
    public const int LinesPerSecondMax = 50;

    private const int TextMax = 4096;

    private readonly Lock _gate = new();
    private readonly List<ActorLogRecord> _early = [];
    private IActorRef? _target;
    private long _windowStart;
    private int _linesInWindow;
    private int _dropped;
    private bool _isForwarding;

    /// <summary>The worker's actor, once there is one; it may have had something to say
    /// before.</summary>
    public IActorRef Target
    {
        set
        {
            lock (_gate)
            {
                _target = value;
                foreach (ActorLogRecord record in _early)
                    Pass(record);
                _early.Clear();
            }
        }
    }

    public void Write(ActorLogRecord record)
    {
        log(record);
        if (record.Level < ActorLogLevel.Info)
            return;
        lock (_gate)
        {
            if (_target is not null)
                Pass(record);
            else if (_early.Count < LinesPerSecondMax)
                _early.Add(record);
        }
    }

    /// <summary>Tells of what was dropped, where that is due.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            if (_target is null || _isForwarding)
                return;
            _isForwarding = true;
            try
            {
                OpenWindow();
            }
            finally
            {
                _isForwarding = false;
            }
        }
    }

    private void Pass(ActorLogRecord record)
    {
        // A line about a line that could not be passed on is not passed on either.
        if (_isForwarding)
            return;
        _isForwarding = true;
        try
        {
            Forward(record);
        }
        finally
        {
            _isForwarding = false;
        }
    }

    private void Forward(ActorLogRecord record)
    {
        OpenWindow();
        if (_linesInWindow >= LinesPerSecondMax)
        {
            _dropped++;
            return;
        }

        _linesInWindow++;
        string text = record.Exception is { } cause
            ? $"{record.Text}: {cause.Message}"
            : record.Text;
        Tell(record.Level, record.Utc, record.Source, text);
    }

    private void OpenWindow()
    {
        long now = clock.GetTimestamp();
        if (_windowStart != 0 && clock.GetElapsedTime(_windowStart, now).TotalSeconds < 1)
            return;
        _windowStart = now;
        _linesInWindow = 0;
        if (_dropped == 0)
            return;
        Tell(
            ActorLogLevel.Warning, clock.GetUtcNow(), "/log",
            $"{_dropped} lines were dropped: a worker passes on {LinesPerSecondMax} a second");
        _dropped = 0;
        _linesInWindow = 1;
    }

    private void Tell(ActorLogLevel level, DateTimeOffset utc, string source, string text) =>
        _target!.Tell(new LogReported(new WorkerLogLine(
            utc.ToUnixTimeMilliseconds(), level, source,
            text.Length > TextMax ? text[..TextMax] + "…" : text)));
}
