using System.Globalization;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// A process of this host. The time of its start, in clock ticks since the system's, tells it from
/// a later process with the same number.
/// </summary>
internal readonly record struct ProcessIdentity(int Id, long StartTicks)
{
    internal static ProcessIdentity? Current { get; } = Find(Environment.ProcessId);

    internal bool IsAlive => Find(Id) == this;

    /// <summary>
    /// Null when there is no such process, or it has ended and was not waited for.
    /// </summary>
    internal static ProcessIdentity? Find(int id)
    {
        try
        {
            // The name of the program stands in parentheses and may hold any character.
            var text = File.ReadAllText($"/proc/{id}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X"
                ? null
                : new ProcessIdentity(id, long.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
