using System.Globalization;
using System.Runtime.CompilerServices;

namespace Distributed.Kernel;

/// <summary>Lets an invariant carry an interpolated message at no cost while it holds.</summary>
[InterpolatedStringHandler]
public ref struct InvariantMessage
{
    private DefaultInterpolatedStringHandler text;

    public InvariantMessage(
        int literalLength, int formattedCount, bool condition, out bool shouldAppend)
    {
        shouldAppend = !condition;
        text = condition
            ? default
            : new DefaultInterpolatedStringHandler(
                literalLength, formattedCount, CultureInfo.InvariantCulture);
    }

    public void AppendLiteral(string value) => text.AppendLiteral(value);

    public void AppendFormatted<T>(T value) => text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) =>
        text.AppendFormatted(value, format);

    public override string ToString() => text.ToStringAndClear();
}
