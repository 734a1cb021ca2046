using Distributed.Cli.Nodes;
using Distributed.Cli.Output;
using Distributed.Cluster.Sweeps;

namespace Distributed.Cli.Commands;

/// <summary>
/// The commands that start nodes: processes, actors and servers. Each returns the exit code of the
/// command, or throws an operating error. Cancellation means Ctrl-C: save what there is, then
/// return.
/// </summary>
internal interface INodeCommands
{
    Task<int> TrainAsync(
        TrainOptions options, RunEventPrinter printer, CancellationToken cancellation);

    Task<int> SweepAsync(
        SweepOptions options, Terminal terminal, CancellationToken cancellation);

    Task<int> RetrainAsync(
        RetrainOptions options, RunEventPrinter printer, CancellationToken cancellation);

    /// <summary>Returns when the order is durable.</summary>
    Task OrderSweepAsync(
        SweepFolder sweep, Func<ulong, SweepOrder> order, CancellationToken cancellation);

    Task<int> CoordinatorAsync(
        NodeOptions options, Terminal terminal, CancellationToken cancellation);

    Task<int> WorkerAsync(NodeOptions options, Terminal terminal, CancellationToken cancellation);
}
