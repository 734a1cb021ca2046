namespace Distributed.Torch;

/// <summary>
/// Lets the device copy to and from a buffer at full speed while the host goes on; no effect on a
/// CPU. Keeps the buffer alive until it is disposed, so that memory is never freed while pinned.
/// </summary>
public sealed unsafe class PinnedMemory : IDisposable
{
    private readonly NativeBuffer _buffer;
    private bool _isHeld;

    /// <param name="buffer">May be a view of memory that others have mapped too.</param>
    /// <exception cref="TorchException">The device cannot pin it.</exception>
    public PinnedMemory(NativeBuffer buffer)
    {
        TorchLibrary.RequireInitialized();
        _buffer = buffer;
        buffer.DangerousAddRef(ref _isHeld);
        try
        {
            NativeMethods.Check(NativeMethods.HostPin(buffer.Pointer, buffer.ByteLength));
        }
        catch
        {
            Release();
            throw;
        }
    }

    public void Dispose()
    {
        if (!_isHeld)
            return;
        // What a device that is gone makes of it is of no use: the memory is freed all the same.
        _ = NativeMethods.HostUnpin((void*)_buffer.DangerousGetHandle());
        Release();
    }

    private void Release()
    {
        if (_isHeld)
            _buffer.DangerousRelease();
        _isHeld = false;
    }
}
