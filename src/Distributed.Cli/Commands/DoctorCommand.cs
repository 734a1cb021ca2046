using System.CommandLine;
using Distributed.Cli.Doctor;
using Distributed.Cli.Output;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;
using Distributed.Training.Data;

namespace Distributed.Cli.Commands;

/// <summary>`doctor`: is this machine ready, and if not, what to do.</summary>
internal static class DoctorCommand
{
    public static Command Create(CommandServices services)
    {
        Option<bool> json = Flags.Switch("--json", "Print one JSON object a line, one a check");
        Option<bool> engine = Flags.Switch(
            "--engine", "Only choose libtorch and build the engine for it, if need be");
        var command = new Command(
            "doctor",
            "Checks libtorch, devices, ports, disk and clock, and says how to mend what is wrong.")
        {
            json, engine,
        };
        command.SetAction(parsed => parsed.GetValue(engine)
            ? PrintEngine(parsed.GetValue(json), services.Terminal)
            : Print(Examine(services.Terminal), parsed.GetValue(json), services.Terminal));
        return command;
    }

    private static int PrintEngine(bool json, Terminal terminal)
    {
        Finding finding = EngineChecks.Engine(terminal.Error.WriteLine, out bool isMissing);
        int exitCode = Print([finding], json, terminal);
        return isMissing ? ExitCodes.NoLibtorch : exitCode;
    }

    internal static int Print(IEnumerable<Finding> findings, bool json, Terminal terminal)
    {
        int exitCode = ExitCodes.Done;
        foreach (Finding finding in findings)
        {
            if (finding.Health == Health.Fail)
                exitCode = ExitCodes.OperatingError;
            string word = finding.Health.ToString().ToLowerInvariant();
            if (json)
            {
                JsonLine.WriteTo(
                    terminal.Output,
                    new { finding.Check, Status = word, finding.Detail, finding.Mend });
                continue;
            }
            terminal.Output.WriteLine(
                $"{Coloured(word, finding.Health, terminal)}  {finding.Check,-20} "
                + finding.Detail);
            if (finding.Mend is not null)
                terminal.Output.WriteLine($"{"",-26} → {finding.Mend}");
        }
        return exitCode;
    }

    private static IEnumerable<Finding> Examine(Terminal terminal)
    {
        yield return MachineChecks.DotNet();
        foreach (Finding finding in EngineChecks.All(terminal.Error.WriteLine))
            yield return finding;
        yield return MachineChecks.Port("worker", 0);
        yield return MachineChecks.Port("coordinator", RemoteSettings.CoordinatorPort);
        yield return MachineChecks.Folder(
            "run folders", RunFolders.Root, "give train another folder with --out");
        yield return MachineChecks.Folder(
            "dataset cache", CacheFolder(),
            $"set {DatasetCatalog.CacheVariable} to another folder");
        yield return MachineChecks.Clock(
            terminal.Clock.GetUtcNow(), File.GetLastWriteTimeUtc(Environment.ProcessPath!));
    }

    private static string CacheFolder() =>
        Path.GetDirectoryName(new DatasetCatalog().List()[0].Folder)!;

    private static string Coloured(string word, Health health, Terminal terminal)
    {
        string padded = $"{word,-4}";
        if (!terminal.HasColours)
            return padded;
        int colour = health switch { Health.Ok => 32, Health.Warn => 33, _ => 31 };
        return $"\e[{colour}m{padded}\e[0m";
    }
}
