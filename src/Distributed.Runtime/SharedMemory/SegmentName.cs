using System.Globalization;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// The file of one ring, or of one rank's gradients: who made it, and for which ranks. Whoever
/// opens it knows the whole name in advance, so that it cannot take the file of another process or
/// generation.
/// </summary>
/// <param name="Creator">The process that made it.</param>
/// <param name="Job">The job.</param>
/// <param name="Generation">The generation of the job's membership.</param>
/// <param name="FromRank">The maker's rank.</param>
/// <param name="ToRank">Who reads the ring; null where all ranks share the file.</param>
internal readonly record struct SegmentName(
    ProcessIdentity Creator, ulong Job, int Generation, int FromRank, int? ToRank)
{
    private const string Prefix = "distributed";

    /// <summary>
    /// Process numbers mean something within their namespace only, and containers may share the
    /// folder without sharing the numbers.
    /// </summary>
    private static readonly string Namespace = SharingPlace.ProcessNamespace ?? "0";

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Prefix}-{Namespace}-{Creator.Id}-{Creator.StartTicks}-{Job:x16}-{Generation}"
        + $"-{FromRank}-{ToRank?.ToString(CultureInfo.InvariantCulture) ?? "all"}");

    internal string PathIn(string directory) => Path.Combine(directory, ToString());

    /// <summary>
    /// Deletes what processes left behind that were killed before both sides had a file open.
    /// </summary>
    internal static void Sweep(string directory)
    {
        if (!Directory.Exists(directory)) return;
        foreach (var path in Directory.EnumerateFiles(directory, $"{Prefix}-{Namespace}-*"))
        {
            if (CreatorOf(Path.GetFileName(path)) is not { IsAlive: false }) continue;
            try
            {
                File.Delete(path);
            }
            catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
            {
                // Another user's, who sweeps it at the next start.
            }
        }
    }

    private static ProcessIdentity? CreatorOf(string fileName)
    {
        var parts = fileName.Split('-');
        return parts.Length == 8
            && int.TryParse(parts[2], CultureInfo.InvariantCulture, out var id)
            && long.TryParse(parts[3], CultureInfo.InvariantCulture, out var startTicks)
            ? new ProcessIdentity(id, startTicks)
            : null;
    }
}
