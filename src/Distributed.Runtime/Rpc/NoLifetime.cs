using Microsoft.Extensions.Hosting;

namespace Distributed.Runtime.Rpc;

/// <summary>Ctrl-C belongs to the program, not to a server in it.</summary>
internal sealed class NoLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
