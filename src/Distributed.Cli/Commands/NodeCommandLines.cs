using System.CommandLine;

namespace Distributed.Cli.Commands;

/// <summary>`coordinator` and `worker`: one node of a cluster each.</summary>
internal static class NodeCommandLines
{
    /// <summary>
    /// Given by a command that starts nodes of its own: they leave Ctrl-C to it, and end with it.
    /// </summary>
    public const string SupervisedFlag = "--supervised";

    public static Command CreateCoordinator(CommandServices services) =>
        Create(
            "coordinator",
            "Runs a coordinator: it keeps membership, jobs and metrics of a cluster.",
            (options, cancellation) =>
                services.Nodes.CoordinatorAsync(options, services.Terminal, cancellation));

    public static Command CreateWorker(CommandServices services) =>
        Create(
            "worker", "Runs a worker: it joins the cluster of its configuration and trains.",
            (options, cancellation) =>
                services.Nodes.WorkerAsync(options, services.Terminal, cancellation));

    private static Command Create(
        string name, string description,
        Func<NodeOptions, CancellationToken, Task<int>> run)
    {
        Option<string?> configuration = Flags.Text(
            "--config", "Configuration of the cluster, HOCON [default: built-in]", "FILE.hocon");
        Option<string[]> settings = Flags.Settings(
            "Any key of the configuration; repeatable, stronger than the file");
        Option<string?> logFormat = Flags.Choice(
            "--log-format", "Of the log on standard error [default: text]", "text", "json");
        var supervised = new Option<bool>(SupervisedFlag) { Hidden = true };
        var command = new Command(name, description)
        {
            configuration, settings, logFormat, supervised,
        };
        command.SetAction((parsed, cancellation) => run(
            new NodeOptions(
                parsed.GetValue(configuration),
                [
                    .. parsed.GetValue(settings) ?? [],
                    .. parsed.GetValue(logFormat) is { } format
                        ? [$"log-format={format}"]
                        : Array.Empty<string>(),
                ],
                parsed.GetValue(supervised)),
            cancellation));
        return command;
    }
}
