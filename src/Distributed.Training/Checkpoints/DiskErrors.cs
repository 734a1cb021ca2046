namespace Distributed.Training.Checkpoints;

/// <summary>Tells a full disk from other failures by the number that the system gave.</summary>
internal static class DiskErrors
{
    private const int NoSpaceLeft = 28;
    private const int QuotaExceeded = 122;
    private const int WindowsDiskFull = unchecked((int)0x80070070);

    public static bool IsFull(Exception exception) =>
        exception is IOException { HResult: NoSpaceLeft or QuotaExceeded or WindowsDiskFull };
}
