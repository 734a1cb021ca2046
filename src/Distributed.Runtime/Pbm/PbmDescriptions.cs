using Distributed.Runtime.Protocol;

namespace Distributed.Runtime.Pbm;

/// <summary>Reads what a server says.</summary>
internal static class PbmDescriptions
{
    public static PaletteDescription FromProto(PbmPalette palette) => new(
        palette.Name, palette.Help, [.. palette.Commands.Select(FromProto)]);

    /// <summary>Null for an item that a later server may send.</summary>
    public static PbmAnswer? FromProto(PbmItem item) => item.ItemCase switch
    {
        PbmItem.ItemOneofCase.Line => new PbmText(item.Line.Text, FromProto(item.Line.Style)),
        PbmItem.ItemOneofCase.Json => new PbmObject(item.Json),
        PbmItem.ItemOneofCase.Plan => new PbmPlanned(
            item.Plan.Text,
            item.Plan.Values.ToDictionary(value => value.Key, value => value.Value)),
        PbmItem.ItemOneofCase.End => new PbmEnded(item.End.ExitCode, item.End.Message),
        _ => null,
    };

    public static PbmLine.Types.Style ToProto(PbmStyle style) => style switch
    {
        PbmStyle.Header => PbmLine.Types.Style.Header,
        PbmStyle.Warning => PbmLine.Types.Style.Warning,
        PbmStyle.Error => PbmLine.Types.Style.Error,
        _ => PbmLine.Types.Style.Plain,
    };

    private static PbmStyle FromProto(PbmLine.Types.Style style) => style switch
    {
        PbmLine.Types.Style.Header => PbmStyle.Header,
        PbmLine.Types.Style.Warning => PbmStyle.Warning,
        PbmLine.Types.Style.Error => PbmStyle.Error,
        _ => PbmStyle.Plain,
    };

    private static CommandDescription FromProto(PbmCommand command) => new(
        command.Name, command.Help, [.. command.Parameters.Select(FromProto)], command.Streams,
        command.Destructive);

    private static ParameterDescription FromProto(PbmParameter parameter) => new(
        parameter.Name, parameter.ShortName, parameter.Help,
        parameter.Kind == PbmParameter.Types.Kind.Argument,
        parameter.Kind == PbmParameter.Types.Kind.Switch, parameter.Required, parameter.Integer,
        parameter.Default, [.. parameter.Choices], parameter.Completes);
}
