using Distributed.Kernel;

namespace Distributed.Runtime.Devices;

/// <summary>
/// This worker's device is not as it must be: it is not there, or is lost. Another worker may well
/// do the same work.
/// </summary>
internal sealed class DeviceException(string message) : OperatingException(message);
