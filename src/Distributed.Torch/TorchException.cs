namespace Distributed.Torch;

/// <summary>Why the engine refused a call.</summary>
public enum TorchErrorCode
{
    /// <summary>The caller's argument: a network text, a label, a buffer.</summary>
    InvalidArgument = 1,

    /// <summary>libtorch failed; the message is its own.</summary>
    LibtorchError = 2,

    OutOfMemory = 3,
    InternalError = 4,

    /// <summary>A collective that somebody else has ended.</summary>
    Aborted = 5,

    /// <summary>NCCL failed, or is not there; the message says which.</summary>
    NcclError = 6,
}

/// <summary>An error reported by the engine, with its message.</summary>
public sealed class TorchException(TorchErrorCode code, string message) : Exception(message)
{
    public TorchErrorCode Code { get; } = code;
}
