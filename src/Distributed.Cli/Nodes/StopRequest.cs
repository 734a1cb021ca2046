namespace Distributed.Cli.Nodes;

/// <summary>
/// When a node is to stop: on a signal, or, for a node that another command started, when that
/// command is gone, which closes the node's standard input.
/// </summary>
internal sealed class StopRequest : IDisposable
{
    private readonly CancellationTokenSource _source;

    public StopRequest(bool supervised, CancellationToken signals)
    {
        _source = CancellationTokenSource.CreateLinkedTokenSource(signals);
        if (!supervised)
            return;
        var watcher = new Thread(WaitForEndOfInput)
        {
            IsBackground = true,
            Name = "end of input",
        };
        watcher.Start();
    }

    public CancellationToken Token => _source.Token;

    public async Task WaitAsync() => await Task.Delay(Timeout.Infinite, _source.Token)
        .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    public void Dispose() => _source.Dispose();

    private void WaitForEndOfInput()
    {
        using Stream input = Console.OpenStandardInput();
        var ignored = new byte[256];
        while (input.Read(ignored) > 0)
        {
            // What the supervisor writes has no meaning; only the end has.
        }

        try
        {
            _source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The node has already stopped.
        }
    }
}
