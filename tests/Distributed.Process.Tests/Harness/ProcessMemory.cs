using System.Globalization;

namespace Distributed.Process.Tests;

/// <summary>Another process's memory, through /proc: to change it as a faulty chip does.</summary>
internal static class ProcessMemory
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>Why another process's memory cannot be written here; null where it can.</summary>
    public static string? Obstacle =>
        !OperatingSystem.IsLinux() ? "only Linux has /proc/PID/mem"
        : Environment.IsPrivilegedProcess ? null
        : "another process's memory is open to root alone";

    /// <summary>
    /// Turns over a bit of the byte at <paramref name="offset"/> wherever the process holds these
    /// bytes, and returns how often that was.
    /// </summary>
    public static int FlipWherever(int processId, ReadOnlySpan<byte> content, int offset)
    {
        int found = 0;
        using FileStream memory = new(
            $"/proc/{processId}/mem", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite,
            bufferSize: 0);
        foreach ((long start, long end) in WritableRegions(processId))
            found += FlipWithin(memory, start, end, content, offset);
        return found;
    }

    private static int FlipWithin(
        FileStream memory, long start, long end, ReadOnlySpan<byte> content, int offset)
    {
        int found = 0;
        byte[] chunk = new byte[ChunkBytes + content.Length];
        for (long at = start; at < end; at += ChunkBytes)
        {
            int wanted = (int)Math.Min(chunk.Length, end - at);
            int length;
            try
            {
                length = RandomAccess.Read(memory.SafeFileHandle, chunk.AsSpan(0, wanted), at);
            }
            catch (IOException)
            {
                // A region that cannot be read holds no parameters.
                return found;
            }

            int from = 0;
            while (chunk.AsSpan(from, length - from).IndexOf(content) is >= 0 and int place)
            {
                int index = from + place;
                if (index < ChunkBytes)
                {
                    byte flipped = (byte)(content[offset] ^ 0x40);
                    RandomAccess.Write(memory.SafeFileHandle, [flipped], at + index + offset);
                    found++;
                }

                from = index + content.Length;
            }
        }

        return found;
    }

    private static IEnumerable<(long Start, long End)> WritableRegions(int processId)
    {
        foreach (string line in File.ReadLines($"/proc/{processId}/maps"))
        {
            string[] fields = line.Split(' ');
            if (!fields[1].StartsWith("rw", StringComparison.Ordinal))
                continue;
            string[] range = fields[0].Split('-');
            yield return (Hex(range[0]), Hex(range[1]));
        }
    }

    private static long Hex(string text) =>
        long.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
