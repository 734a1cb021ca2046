using System.Security.Cryptography;

namespace Distributed.Runtime;

/// <summary>
/// What makes one process different from another of the same name: incarnations, job numbers. No
/// result of a run depends on it.
/// </summary>
internal static class ProcessSeed
{
    public static ulong Draw() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));
}
