using System.Security.Cryptography;

namespace Distributed.Process.Tests;

/// <summary>A token as `./distributed token new` leaves it.</summary>
internal sealed class TokenFile : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("token-");

    public TokenFile()
    {
        File.WriteAllText(Path, RandomNumberGenerator.GetHexString(64) + "\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    public string Path => System.IO.Path.Combine(_folder.FullName, "cluster.token");

    public void Dispose() => _folder.Delete(recursive: true);
}
