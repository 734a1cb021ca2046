using System.Globalization;
using System.Text;
using Distributed.Kernel;

namespace Distributed.Cluster.Configuration;

/// <summary>
/// A configuration that cannot be used. The message is one line: where (source:line:column), what
/// is wrong, what was expected.
/// </summary>
public sealed class HoconException : OperatingException
{
    public HoconException(
        HoconOrigin origin, string what, string expected, Exception? inner = null)
        : base(
            OneLine($"{origin}: {what}; expected {expected}"), ExitCodes.OperatingError, inner) =>
        Origin = origin;

    /// <summary>The place to look at.</summary>
    public HoconOrigin Origin { get; }

    // A message quotes what was read, which may hold line ends or terminal controls.
    private static string OneLine(string message)
    {
        var line = new StringBuilder(message.Length);
        foreach (var character in message)
        {
            if (char.IsControl(character) || character is '\u2028' or '\u2029')
            {
                line.Append("\\u").Append(
                    ((int)character).ToString("x4", CultureInfo.InvariantCulture));
            }
            else
            {
                line.Append(character);
            }
        }
        return line.ToString();
    }
}
