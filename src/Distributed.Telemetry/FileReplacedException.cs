using Distributed.Kernel;

namespace Distributed.Telemetry;

/// <summary>
/// A file was replaced by another writer's: what this one has written since its last commit, nobody
/// sees.
/// </summary>
public sealed class FileReplacedException(string message) : OperatingException(message);
