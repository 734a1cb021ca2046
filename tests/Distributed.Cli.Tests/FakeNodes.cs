using Distributed.Cli.Commands;
using Distributed.Cli.Output;

namespace Distributed.Cli.Tests;

/// <summary>
/// Takes the place of processes and servers, and remembers what it was asked for.
/// </summary>
internal sealed class FakeNodes : INodeCommands
{
    public TrainOptions? Train { get; private set; }

    public NodeOptions? Node { get; private set; }

    public Exception? Failure { get; init; }

    public Task<int> TrainAsync(
        TrainOptions options, RunEventPrinter printer, CancellationToken cancellation)
    {
        Train = options;
        return Failure is null ? Task.FromResult(0) : Task.FromException<int>(Failure);
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
