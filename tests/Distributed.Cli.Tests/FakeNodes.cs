using Distributed.Cli.Commands;
using Distributed.Cli.Nodes;
using Distributed.Cli.Output;
using Distributed.Cluster.Sweeps;

namespace Distributed.Cli.Tests;

/// <summary>
/// Takes the place of processes and servers, and remembers what it was asked for.
/// </summary>
internal sealed class FakeNodes : INodeCommands
{
    public TrainOptions? Train { get; private set; }

    public SweepOptions? Sweep { get; private set; }

    public RetrainOptions? Retrain { get; private set; }

    public SweepOrder? Order { get; private set; }

    public NodeOptions? Node { get; private set; }

    public Exception? Failure { get; init; }

    /// <summary>With which code trainings and sweeps end.</summary>
    public int Code { get; init; }

    public Task<int> TrainAsync(
        TrainOptions options, RunEventPrinter printer, CancellationToken cancellation)
    {
        Train = options;
        return Failure is null ? Task.FromResult(Code) : Task.FromException<int>(Failure);
    }

    public Task<int> SweepAsync(
        SweepOptions options, Terminal terminal, CancellationToken cancellation)
    {
        Sweep = options;
        return Task.FromResult(Code);
    }

    public Task<int> RetrainAsync(
        RetrainOptions options, RunEventPrinter printer, CancellationToken cancellation)
    {
        Retrain = options;
        return Task.FromResult(Code);
    }

    public Task OrderSweepAsync(
        SweepFolder sweep, Func<ulong, SweepOrder> order, CancellationToken cancellation)
    {
        Order = order(sweep.Number);
        return Task.CompletedTask;
    }

    public Task<int> CoordinatorAsync(
        NodeOptions options, Terminal terminal, CancellationToken cancellation)
    {
        Node = options;
        return Task.FromResult(0);
    }

    public Task<int> WorkerAsync(
        NodeOptions options, Terminal terminal, CancellationToken cancellation)
    {
        Node = options;
        return Task.FromResult(0);
    }
}
