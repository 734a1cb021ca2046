namespace Distributed.Kernel;

/// <summary>Tells a full disk from other failures by the number that the system gave.</summary>
public static class DiskErrors
{
    private const int NoSpaceLeft = 28;
    private const int QuotaExceeded = 122;
    private const int WindowsDiskFull = unchecked((int)0x80070070);

    /// <summary>Whether that, or what caused it, is that no room was left.</summary>
    public static bool IsFull(Exception exception)
    {
        for (Exception? cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is IOException { HResult: NoSpaceLeft or QuotaExceeded or WindowsDiskFull })
                return true;
        }

        return false;
    }

    /// <summary>
    /// Why the disk refused, without a full stop: that it is full, or its own words.
    /// </summary>
    public static string Reason(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        return IsFull(exception) ? "the disk is full" : exception.Message.TrimEnd('.');
    }
}
