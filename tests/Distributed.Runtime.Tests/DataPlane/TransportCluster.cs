using System.Runtime.ExceptionServices;
using Distributed.Collectives.Transport;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Security;

namespace Distributed.Runtime.Tests.DataPlane;

/// <summary>Ranks in one process, each with a server, a hub and a thread of its own.</summary>
internal sealed class TransportCluster : IAsyncDisposable
{
    public const ulong Job = 77;

    private TransportCluster(DataPlaneServer[] servers, DataPlaneHub[] hubs)
    {
        (Servers, Hubs) = (servers, hubs);
        Addresses = [.. servers.Select(server => server.Target)];
    }

    public DataPlaneServer[] Servers { get; }

    public DataPlaneHub[] Hubs { get; }

    public string[] Addresses { get; }

    public static Task<TransportCluster> StartAsync(int size) =>
        StartAsync([.. Enumerable.Repeat(RpcSecurity.None, size)]);

    /// <summary>A rank for each of these.</summary>
    public static async Task<TransportCluster> StartAsync(IReadOnlyList<RpcSecurity> securities)
    {
        var size = securities.Count;
        var hubs = new DataPlaneHub[size];
        var servers = new DataPlaneServer[size];
        for (var rank = 0; rank < size; rank++)
        {
            hubs[rank] = new DataPlaneHub(securities[rank]);
            servers[rank] = await DataPlaneServer.StartAsync("127.0.0.1:0", hubs[rank]);
        }

        return new TransportCluster(servers, hubs);
    }

    public GrpcTransport Open(int rank, int generation = 0, Action<int, string>? lost = null) =>
        Hubs[rank].Open(Job, generation, rank, Addresses, lost);

    public GrpcTransport[] OpenAll(int generation = 0) =>
        [.. Enumerable.Range(0, Addresses.Length).Select(rank => Open(rank, generation))];

    /// <summary>
    /// Runs a body for each rank on its own thread and rethrows the first failure.
    /// </summary>
    public static Task RunAllAsync(GrpcTransport[] ranks, Action<GrpcTransport> body) =>
        Task.WhenAll(ranks.Select(rank => OnThread(() => body(rank))));

    /// <summary>Blocking calls get a thread of their own, as in production.</summary>
    public static async Task OnThread(Action body)
    {
        var failure = await Task.Factory.StartNew(
            () =>
            {
                try
                {
                    body();
                    return null;
                }
                catch (Exception thrown)
                {
                    return ExceptionDispatchInfo.Capture(thrown);
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        failure?.Throw();
    }

    /// <summary>
    /// The same for each rank by its number. Where one rank fails, the others do not wait for it.
    /// </summary>
    public static Task OnAllAsync(IReadOnlyList<ITransport> ranks, Action<int> body) =>
        Task.WhenAll(Enumerable.Range(0, ranks.Count).Select(rank => OnThread(() =>
        {
            try
            {
                body(rank);
            }
            catch (Exception failure)
            {
                ranks[rank].Cancel(failure.Message);
                throw;
            }
        })));

    public static async Task DisposeAllAsync(IEnumerable<ITransport> ranks) =>
        await Task.WhenAll(ranks.Select(rank => OnThread(rank.Dispose)));

    public static FrameHeader Header(long step, int length, int generation = 0) =>
        new(Job, generation, step, 1, 0, 3, 16, length, 0);

    public async ValueTask DisposeAsync()
    {
        foreach (var hub in Hubs)
            hub.CancelAll("the test is over");
        foreach (var server in Servers)
            await server.DisposeAsync();
    }
}
