using System.CommandLine;
using Distributed.Cli.Output;
using Distributed.Kernel;
using Distributed.Training.Data;

namespace Distributed.Cli.Commands;

/// <summary>`data list|get|verify`: where datasets are, fetch one, check every byte.</summary>
internal static class DataCommand
{
    public static Command Create(CommandServices services) =>
        new("data", "Datasets: where they are, fetch, check.")
        {
            CreateList(services.Terminal),
            CreateGet(services.Terminal),
            CreateVerify(services.Terminal),
        };

    private static Command CreateList(Terminal terminal)
    {
        Option<bool> json = Flags.Switch("--json", "Print one JSON object a line");
        var command = new Command("list", "Lists the known datasets and where they are.") { json };
        command.SetAction(parsed =>
        {
            foreach (DatasetStatus status in new DatasetCatalog().List())
            {
                if (parsed.GetValue(json))
                    JsonLine.WriteTo(terminal.Output, Record(status));
                else
                    terminal.Output.WriteLine(Shown.Line(Line(status)));
            }
        });
        return command;
    }

    private static Command CreateGet(Terminal terminal)
    {
        Argument<string> name = Flags.Words<string>(
            "NAME", $"{string.Join(", ", DatasetCatalog.Names)}, or a folder of images",
            ArgumentArity.ExactlyOne);
        name.CompletionSources.Add([.. DatasetCatalog.Names]);
        Option<bool> force = Flags.Switch("--force", "Fetch again even if it is there");
        var command = new Command("get", "Fetches a dataset into this user's cache.")
        {
            name, force,
        };
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                string dataset = parsed.GetRequiredValue(name);
                using var progress = new FetchProgress(terminal);
                using DatasetPair pair = new DatasetCatalog().Get(
                    dataset, options: null, parsed.GetValue(force), progress, cancellation);
                progress.Dispose();
                terminal.Output.WriteLine(
                    $"{pair.Name}: {Figures.Whole(pair.Train.Count)} training and "
                    + $"{Figures.Whole(pair.Test.Count)} test images of {pair.Shape}, "
                    + $"{pair.ClassCount} classes");
            },
            cancellation));
        return command;
    }

    private static Command CreateVerify(Terminal terminal)
    {
        Argument<string?> name = Flags.Words<string?>(
            "NAME", "Dataset to check [default: all that are in the cache]",
            ArgumentArity.ZeroOrOne);
        name.CompletionSources.Add([.. DatasetCatalog.Names]);
        var command = new Command("verify", "Compares every byte with its checksum.") { name };
        command.SetAction(parsed =>
        {
            var catalog = new DatasetCatalog();
            if (parsed.GetValue(name) is { } dataset)
            {
                catalog.Verify(dataset);
                terminal.Output.WriteLine($"{dataset}: ok");
                return ExitCodes.Done;
            }
            return VerifyAll(catalog, terminal);
        });
        return command;
    }

    private static int VerifyAll(DatasetCatalog catalog, Terminal terminal)
    {
        int exitCode = ExitCodes.Done;
        foreach (DatasetStatus status in catalog.List())
        {
            if (!status.IsCached)
            {
                terminal.Output.WriteLine($"{status.Name}: not fetched");
                continue;
            }
            try
            {
                catalog.Verify(status.Name);
                terminal.Output.WriteLine($"{status.Name}: ok");
            }
            catch (OperatingException bad)
            {
                // The others are worth checking all the same.
                terminal.Error.WriteLine($"distributed: {Shown.Line(bad.Message)}");
                exitCode = ExitCodes.OperatingError;
            }
        }
        return exitCode;
    }

    private static string Line(DatasetStatus status)
    {
        string state = status.Problem ?? (status.IsCached
            ? $"{Figures.Whole(status.TrainCount)} + {Figures.Whole(status.TestCount)} images of "
                + $"{status.Shape}, {status.ClassCount} classes, {Figures.Bytes(status.Bytes)} in "
                + status.Folder
            : $"not fetched: ./distributed data get {status.Name}");
        return $"{status.Name,-14} {state}";
    }

    private static object Record(DatasetStatus status) => new
    {
        status.Name,
        status.Description,
        Cached = status.IsCached,
        status.Folder,
        status.Source,
        Shape = status.Shape?.ToString(),
        Classes = status.ClassCount,
        Train = status.TrainCount,
        Test = status.TestCount,
        status.Bytes,
        status.Problem,
    };
}
