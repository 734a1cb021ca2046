namespace Distributed.Runtime.Metrics;

/// <summary>
/// Something that is read at most every so often: all instruments that are asked in one go see the
/// same moment, and it is looked up once. Thread-safe.
/// </summary>
internal sealed class Momentary<T>(Func<T> read, TimeProvider clock)
    where T : class
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(50);

    private readonly Lock _gate = new();
    private T? _last;
    private long _readAt;

    public T Value
    {
        get
        {
            lock (_gate)
            {
                if (_last is null || clock.GetElapsedTime(_readAt) >= Moment)
                {
                    _last = read();
                    _readAt = clock.GetTimestamp();
                }

                return _last;
            }
        }
    }
}
