using Distributed.Kernel;

namespace Distributed.Torch;

/// <summary>There is no libtorch on this machine, and none was named.</summary>
public sealed class LibtorchMissingException(string message) : OperatingException(message);
