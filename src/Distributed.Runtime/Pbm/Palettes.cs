using Distributed.Kernel;
using Distributed.Runtime.Protocol;

namespace Distributed.Runtime.Pbm;

/// <summary>All palettes, and how they are described to a client.</summary>
internal static class Palettes
{
    public static IReadOnlyList<Palette> All { get; } =
    [
        new ActorPalette(), new ClusterPalette(), new HostPalette(), new LogPalette(),
        new SweepPalette(), new TrainPalette(), new WorkerPalette(),
    ];

    /// <exception cref="OperatingException">There is none of these names.</exception>
    public static Command Find(string palette, string command)
    {
        Palette known = All.FirstOrDefault(one => one.Name == palette)
            ?? throw new OperatingException(
                $"there is no palette \"{palette}\": expected one of "
                + string.Join(", ", All.Select(one => one.Name)), ExitCodes.BadUsage);
        return known.Commands.FirstOrDefault(one => one.Name == command)
            ?? throw new OperatingException(
                $"{palette} has no command \"{command}\": expected one of "
                + string.Join(", ", known.Commands.Select(one => one.Name)), ExitCodes.BadUsage);
    }

    public static DescribePbmReply Describe(string version)
    {
        var reply = new DescribePbmReply { Version = version };
        foreach (Palette palette in All)
        {
            var described = new PbmPalette { Name = palette.Name, Help = palette.Help };
            described.Commands.AddRange(palette.Commands.Select(Describe));
            reply.Palettes.Add(described);
        }

        return reply;
    }

    private static PbmCommand Describe(Command command)
    {
        var described = new PbmCommand
        {
            Name = command.Name,
            Help = command.Help,
            Streams = command.Streams,
            Destructive = command.Plan is not null,
        };
        described.Parameters.AddRange(command.Parameters.Select(Describe));
        return described;
    }

    private static PbmParameter Describe(Parameter parameter)
    {
        var described = new PbmParameter
        {
            Kind = parameter.Kind switch
            {
                ParameterKind.Argument => PbmParameter.Types.Kind.Argument,
                ParameterKind.Option => PbmParameter.Types.Kind.Option,
                _ => PbmParameter.Types.Kind.Switch,
            },
            Name = parameter.Name,
            ShortName = parameter.ShortName,
            Help = parameter.Help,
            Required = parameter.IsRequired,
            Integer = parameter.IsInteger,
            Default = parameter.Default,
            Completes = parameter.Complete is not null,
        };
        described.Choices.AddRange(parameter.Choices);
        return described;
    }
}
