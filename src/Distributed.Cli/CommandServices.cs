using Distributed.Cli.Commands;

namespace Distributed.Cli;

/// <summary>What commands stand on; tests put their own in its place.</summary>
internal sealed record CommandServices(Terminal Terminal, INodeCommands Nodes);
