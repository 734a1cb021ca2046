namespace Distributed.Runtime.Pbm;

/// <summary>What a node can be asked.</summary>
/// <param name="Version">Of the node's program.</param>
public sealed record PbmDescription(string Version, IReadOnlyList<PaletteDescription> Palettes);

public sealed record PaletteDescription(
    string Name, string Help, IReadOnlyList<CommandDescription> Commands);

/// <param name="Streams">It goes on until it is cancelled.</param>
/// <param name="IsDestructive">Its plan is to be shown and agreed to first.</param>
public sealed record CommandDescription(
    string Name, string Help, IReadOnlyList<ParameterDescription> Parameters, bool Streams,
    bool IsDestructive);

/// <summary>Something that a command takes: an argument by its position, an option with a value or
/// a switch without one by its name.</summary>
/// <param name="ShortName">One letter, or empty.</param>
/// <param name="Default">Empty where there is none.</param>
/// <param name="Choices">All that it may be; empty where it may be anything.</param>
/// <param name="Completes">The node knows names for it.</param>
public sealed record ParameterDescription(
    string Name, string ShortName, string Help, bool IsArgument, bool IsSwitch, bool IsRequired,
    bool IsInteger, string Default, IReadOnlyList<string> Choices, bool Completes);

/// <summary>A use of a command.</summary>
/// <param name="Values">By the parameter's name; a switch that is given is <c>true</c>.</param>
/// <param name="Width">Columns that a line may take; 0 for any number.</param>
/// <param name="IsPlan">Say what it would do, and do nothing.</param>
public sealed record PbmQuestion(
    string Palette, string Command, IReadOnlyDictionary<string, string> Values, bool IsJson,
    int Width, bool Streams, bool IsPlan);

/// <summary>A part of an answer.</summary>
public abstract record PbmAnswer;

/// <summary>A line for people.</summary>
public sealed record PbmText(string Text, PbmStyle Style) : PbmAnswer;

/// <summary>A JSON object, on one line.</summary>
public sealed record PbmObject(string Json) : PbmAnswer;

/// <summary>What a command would do, and what to run it with to have exactly that done.</summary>
public sealed record PbmPlanned(string Text, IReadOnlyDictionary<string, string> Values)
    : PbmAnswer;

/// <summary>How it ended.</summary>
/// <param name="Message">Empty where all went well.</param>
public sealed record PbmEnded(int ExitCode, string Message) : PbmAnswer;

public enum PbmStyle
{
    Plain,
    Header,
    Warning,
    Error,
}
