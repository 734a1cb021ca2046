using System.CommandLine;
using System.CommandLine.Help;

namespace Distributed.Cli.Commands;

/// <summary>All commands, in the order in which a new user needs them.</summary>
internal static class CommandTree
{
    private const int HelpWidthMax = 100;

    public static RootCommand Create(CommandServices services)
    {
        var root = new RootCommand("Trains convolutional networks on one machine or many.")
        {
            TrainCommand.Create(services),
            SweepCommand.Create(services),
            RetrainCommand.Create(services),
            ExerciseCommand.Create(services),
            CreateTest(services),
            EvalCommand.Create(services),
            PredictCommand.Create(services),
            ExportCommand.Create(services),
            ReportCommand.Create(services),
            TensorBoardCommand.Create(services),
            DataCommand.Create(services),
            DoctorCommand.Create(services),
            SimCommand.Create(services),
            BenchCommand.Create(services),
            NodeCommandLines.CreateCoordinator(services),
            NodeCommandLines.CreateWorker(services),
            TokenCommand.Create(services),
        };
        if (root.Options.OfType<HelpOption>().SingleOrDefault()
            is { Action: HelpAction action } help)
        {
            action.MaxWidth = Math.Min(services.Terminal.Width, HelpWidthMax);
            help.Action = new TeachingHelp(action);
        }
        return root;
    }

    /// <summary>The script runs the tests itself, because it has to build them first.</summary>
    private static Command CreateTest(CommandServices services)
    {
        var projects = new Argument<string[]>("PROJECT")
        {
            Description = "Part of a test project's name, such as Kernel [default: all]",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var command = new Command("test", "Builds everything and runs the whole test suite.")
        {
            projects,
        };
        command.SetAction(_ =>
        {
            services.Terminal.Error.WriteLine(
                "distributed: test is a command of the script: run ./distributed test");
            return Kernel.ExitCodes.BadUsage;
        });
        return command;
    }
}
