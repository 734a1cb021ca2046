using System.Text;

namespace Distributed.Cli;

/// <summary>
/// Where a command writes and what the reader can show. <see cref="IsInteractive"/> means that
/// standard output is a terminal that understands cursor movement.
/// </summary>
internal sealed record Terminal(
    TextWriter Output, TextWriter Error, bool IsInteractive, bool HasColours, int Width,
    TimeProvider Clock)
{
    /// <summary>Whether a line on standard error can be redrawn.</summary>
    public bool IsErrorInteractive { get; init; }

    private const int WidthWhenUnknown = 100;

    /// <summary>The terminal of this process; https://no-color.org is respected.</summary>
    public static Terminal Detect()
    {
        bool capable =
            Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        bool interactive = capable && !Console.IsOutputRedirected;
        bool colours = interactive
            && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        return new Terminal(
            Standard(Console.OpenStandardOutput()), Standard(Console.OpenStandardError()),
            interactive, colours, interactive ? WidthOfWindow() : WidthWhenUnknown,
            TimeProvider.System)
        {
            IsErrorInteractive = capable && !Console.IsErrorRedirected,
        };
    }

    // A line at a time must reach whoever reads a pipe, and JSON must not start with a byte-order
    // mark.
    private static StreamWriter Standard(Stream stream) =>
        new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };

    private static int WidthOfWindow()
    {
        try
        {
            return Console.WindowWidth > 0 ? Console.WindowWidth : WidthWhenUnknown;
        }
        catch (IOException)
        {
            return WidthWhenUnknown;
        }
    }
}
