namespace Distributed.Kernel;

/// <summary>A call of <see cref="IDeathWatch"/> on its way from another thread.</summary>
internal sealed record WatchCommand(WatchCommandKind Kind, object Subject);

internal enum WatchCommandKind
{
    Add,
    Remove,
    Terminated,
}
