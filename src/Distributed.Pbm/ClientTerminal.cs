using System.Text;
using Distributed.Kernel;
using Distributed.Runtime.Pbm;

namespace Distributed.Pbm;

/// <summary>Where the client reads and writes, and what the reader can show.</summary>
/// <param name="Output">Where answers go.</param>
/// <param name="Error">Where it says what went wrong.</param>
/// <param name="Input">Lines, where the user is no terminal.</param>
/// <param name="IsInteractive">Standard input and output are a terminal.</param>
/// <param name="HasColours">Standard output is a terminal that shows them.</param>
/// <param name="Width">Columns of the terminal at first; 0 where output is none.</param>
internal sealed record ClientTerminal(
    TextWriter Output, TextWriter Error, TextReader Input, bool IsInteractive, bool HasColours,
    int Width)
{
    private const string Reset = "\e[0m";

    /// <summary>Where questions are asked, wherever answers go.</summary>
    public TextWriter Screen { get; init; } = Output;

    /// <summary>Single keys can be read, as a line editor needs it.</summary>
    public bool HasKeys { get; init; }

    /// <summary>Columns that the terminal has now; 0 where output is none.</summary>
    public int Columns => Width > 0 && HasKeys ? WindowWidth() : Width;

    /// <summary>The terminal of this process; https://no-color.org is respected.</summary>
    public static ClientTerminal Detect()
    {
        bool isTerminal = !Console.IsOutputRedirected;
        bool isCapable = Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        return new ClientTerminal(
            Standard(Console.OpenStandardOutput()), Standard(Console.OpenStandardError()),
            Console.In, isTerminal && isCapable && !Console.IsInputRedirected,
            isTerminal && isCapable
                && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")),
            isTerminal ? WindowWidth() : 0)
        {
            HasKeys = isTerminal && !Console.IsInputRedirected,
        };
    }

    /// <summary>A line to standard output, made harmless.</summary>
    public void Write(string text, PbmStyle style)
    {
        string safe = Shown.Line(text);
        Output.WriteLine(HasColours && Colour(style) is { } colour
            ? $"{colour}{safe}{Reset}"
            : safe);
    }

    /// <summary>A line to standard error, made harmless.</summary>
    public void Complain(string text) => Error.WriteLine($"pbm: {Shown.Line(text)}");

    private static string? Colour(PbmStyle style) => style switch
    {
        PbmStyle.Header => "\e[1m",
        PbmStyle.Warning => "\e[33m",
        PbmStyle.Error => "\e[31m",
        _ => null,
    };

    // A line at a time must reach whoever reads a pipe, and JSON must not start with a byte-order
    // mark.
    private static StreamWriter Standard(Stream stream) =>
        new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };

    private static int WindowWidth()
    {
        try
        {
            return Math.Max(0, Console.WindowWidth);
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
