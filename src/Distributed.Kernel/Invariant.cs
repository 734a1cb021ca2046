using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Distributed.Kernel;

/// <summary>Checks of what only a mistake in this program can break; on in every build.</summary>
public static class Invariant
{
    public static void Check([DoesNotReturnIf(false)] bool condition, string message)
    {
        if (!condition)
        {
            Broken(message);
        }
    }

    /// <summary>The message is formatted only when the condition is false.</summary>
    public static void Check(
        [DoesNotReturnIf(false)] bool condition,
        [InterpolatedStringHandlerArgument(nameof(condition))] InvariantMessage message)
    {
        if (!condition)
        {
            Broken(message.ToString());
        }
    }

    [DoesNotReturn]
    public static void Broken(string message) => throw new InvariantException(message);
}
