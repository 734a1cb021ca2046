using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Distributed.Torch;

/// <summary>
/// Hands the buckets that native code completes to an action. Nothing may be thrown through native
/// code, so a failure waits until native code has returned. One call at a time.
/// </summary>
internal sealed unsafe class BucketCallback : IDisposable
{
    private GCHandle _self;
    private Action<int>? _ready;
    private ExceptionDispatchInfo? _failure;

    public BucketCallback() => _self = GCHandle.Alloc(this, GCHandleType.Weak);

    /// <summary>Null where nobody listens.</summary>
    public delegate* unmanaged<int, nint, void> Function => _ready is null ? null : &OnReady;

    public nint Context => GCHandle.ToIntPtr(_self);

    /// <param name="ready">Is given each bucket until <see cref="End"/>, or until it
    /// throws.</param>
    public void Begin(Action<int>? ready) => (_ready, _failure) = (ready, null);

    /// <summary>Throws what the action has thrown.</summary>
    public void Rethrow() => _failure?.Throw();

    public void End() => (_ready, _failure) = (null, null);

    public void Dispose()
    {
        if (_self.IsAllocated)
            _self.Free();
        GC.SuppressFinalize(this);
    }

    ~BucketCallback()
    {
        if (_self.IsAllocated)
            _self.Free();
    }

    [UnmanagedCallersOnly]
    private static void OnReady(int bucket, nint context)
    {
        var callback = Unsafe.As<BucketCallback>(GCHandle.FromIntPtr(context).Target!);
        if (callback._failure is not null)
            return;
        try
        {
            callback._ready!(bucket);
        }
        catch (Exception failure)
        {
            callback._failure = ExceptionDispatchInfo.Capture(failure);
        }
    }
}
