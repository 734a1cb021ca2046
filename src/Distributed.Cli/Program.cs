using Distributed.Cli;
using Distributed.Cli.Commands;
using Distributed.Cli.Nodes;

EngineSettings.Use(new NodeOptions(null, [], Supervised: false));
using var interrupt = new Interrupt(args.Contains(NodeCommandLines.SupervisedFlag));
return await CommandLine.RunAsync(
    args, new CommandServices(Terminal.Detect(), NodeCommands.Instance), interrupt.Token);
