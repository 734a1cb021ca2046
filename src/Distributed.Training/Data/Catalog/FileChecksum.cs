using System.Security.Cryptography;

namespace Distributed.Training.Data;

internal static class FileChecksum
{
    private const int BufferBytes = 1 << 20;

    /// <summary>In lower-case hexadecimal.</summary>
    public static string Compute(string path, HashAlgorithmName algorithm, string mend)
    {
        using var hash = IncrementalHash.CreateHash(algorithm);
        using var file = Dataset.OpenFile(path, mend);
        var buffer = new byte[BufferBytes];
        while (file.Read(buffer) is > 0 and var read)
        {
            hash.AppendData(buffer.AsSpan(0, read));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
