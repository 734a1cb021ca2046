using Distributed.Kernel;

namespace Distributed.Telemetry;

/// <summary>Turns what the file system refuses into one line that names the file.</summary>
internal static class Disk
{
    public static void Do(string path, Action action) => Do(path, () =>
    {
        action();
        return true;
    });

    public static T Do<T>(string path, Func<T> function)
    {
        try
        {
            return function();
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"{path} can not be written: {DiskErrors.Reason(refused)}; free the disk or choose "
                + "another folder", inner: refused);
        }
    }
}
