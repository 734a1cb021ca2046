using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Distributed.Cli.Output;

namespace Distributed.Cli.Doctor;

/// <summary>
/// Checks of the machine; each looks at one thing and changes nothing that stays.
/// </summary>
internal static class MachineChecks
{
    private const long FreeBytesLow = 200L << 20;
    private const long FreeBytesComfortable = 2L << 30;

    public static Finding DotNet() => Finding.Ok(
        "dotnet", $".NET {Environment.Version} on {RuntimeInformation.OSDescription}");

    /// <summary>
    /// A wrong clock makes certificates and package downloads fail and puts runs in a wrong order.
    /// A program cannot be older than the moment it was built.
    /// </summary>
    public static Finding Clock(DateTimeOffset now, DateTimeOffset builtAt)
    {
        string detail = $"{now:yyyy-MM-dd HH:mm:ss} UTC";
        return now >= builtAt
            ? Finding.Ok("clock", detail)
            : new Finding(
                "clock", Health.Warn,
                $"{detail} is before this program was built ({builtAt:yyyy-MM-dd HH:mm:ss})",
                "set the clock, for example with `timedatectl set-ntp true`");
    }

    /// <summary>Whether a listener can be opened on this port of the loopback address.</summary>
    public static Finding Port(string user, int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return Finding.Ok(
                $"port of {user}", port == 0 ? "loopback gives free ports" : $"{port} is free");
        }
        catch (SocketException failure) when (
            port != 0 && failure.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return new Finding(
                $"port of {user}", Health.Warn, $"{port} is in use",
                $"fine if a {user} of yours runs here; else start it with --set remote.port=N");
        }
        catch (SocketException failure)
        {
            return new Finding(
                $"port of {user}", Health.Fail,
                $"{port} cannot be listened on ({failure.Message})",
                "allow this user to open ports on 127.0.0.1");
        }
    }

    /// <summary>Whether files can be written to a folder, or where it would be made.</summary>
    public static Finding Folder(string use, string folder, string mend)
    {
        string existing = Path.GetFullPath(folder);
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { } parent)
            existing = parent;
        string probe = Path.Combine(existing, $".distributed-doctor-{Environment.ProcessId}");
        try
        {
            File.WriteAllBytes(probe, new byte[4096]);
            File.Delete(probe);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return new Finding(
                use, Health.Fail, $"{folder} cannot be written ({failure.Message})", mend);
        }
        return Space(use, folder, new DriveInfo(existing).AvailableFreeSpace, mend);
    }

    internal static Finding Space(string use, string folder, long freeBytes, string mend)
    {
        string detail = $"{folder} is writable, {Figures.Bytes(freeBytes)} free";
        return freeBytes switch
        {
            < FreeBytesLow => new Finding(use, Health.Fail, detail, $"free some space, or {mend}"),
            < FreeBytesComfortable => new Finding(
                use, Health.Warn, detail, $"free some space, or {mend}"),
            _ => Finding.Ok(use, detail),
        };
    }
}
