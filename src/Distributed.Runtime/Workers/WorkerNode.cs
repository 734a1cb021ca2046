using System.Diagnostics;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Workers;
using Distributed.Kernel;
using Distributed.Runtime.Actors;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Protocol;
using Distributed.Runtime.Rpc;
using Grpc.Core;
using WorkerIdentity = Distributed.Cluster.Coordination.WorkerIdentity;

namespace Distributed.Runtime.Workers;

/// <summary>
/// A worker process: its training thread, its data plane, and the control stream that joins it to
/// the coordinator. In this form the worker's life ends with that stream.
/// </summary>
public sealed class WorkerNode : IAsyncDisposable
{
    private static readonly TimeSpan ReportInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan JoinRetryDelay = TimeSpan.FromMilliseconds(200);

    private readonly WorkerIdentity _identity;
    private readonly ActorLoop _loop;
    private readonly RpcServer _server;
    private readonly TrainingThread _training;

    private WorkerNode(
        WorkerIdentity identity, ActorLoop loop, RpcServer server, TrainingThread training)
    {
        _identity = identity;
        _loop = loop;
        _server = server;
        _training = training;
    }

    /// <summary>Starts the data plane at "host:port"; port 0 takes any free one.</summary>
    /// <param name="name">Shown to people; empty for one made of host and process.</param>
    /// <param name="address">Where to listen.</param>
    /// <param name="announce">The address that peers dial, made of the port that was bound.</param>
    /// <param name="log">Takes the actors' log.</param>
    /// <param name="cancellation">Gives up the start.</param>
    /// <exception cref="OperatingException">The address cannot be listened at.</exception>
    public static async Task<WorkerNode> StartAsync(
        string name, string address, Func<int, string> announce, Action<ActorLogRecord> log,
        CancellationToken cancellation)
    {
        var hub = new DataPlaneHub();
        RpcServer server = await RpcServer.StartAsync(
            address, _ => { }, hub.Serve, cancellation);
        ulong incarnation = ProcessSeed.Draw();
        int process = Environment.ProcessId;
        var identity = new WorkerIdentity(
            name.Length > 0 ? name : $"{Environment.MachineName}-{process}", incarnation, process,
            announce(server.Address.Port));
        var loop = new ActorLoop("worker", incarnation, log);
        loop.Start();
        return new WorkerNode(
            identity, loop, server, new TrainingThread(hub, TimeProvider.System));
    }

    /// <summary>
    /// Joins the coordinator at one of the seeds, in their order, trying until the deadline, and
    /// works for it until it is gone or cancellation asks the worker to leave.
    /// </summary>
    /// <exception cref="OperatingException">No seed answers, or the coordinator went
    /// away.</exception>
    public async Task WorkAsync(
        IReadOnlyList<string> seeds, TimeSpan joinDeadline, CancellationToken cancellation)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            foreach (string seed in seeds)
            {
                if (await TryWorkForAsync(seed, cancellation)
                    || cancellation.IsCancellationRequested)
                    return;
            }

            if (Stopwatch.GetElapsedTime(started) > joinDeadline)
            {
                throw new OperatingException(
                    $"nothing listens at {string.Join(", ", seeds)}: expected a coordinator; start "
                    + "one, or name another with --set cluster.seed-nodes=[HOST:PORT]");
            }

            await Task.Delay(JoinRetryDelay, cancellation)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _training.Dispose();
        _loop.Dispose();
        await _server.DisposeAsync();
    }

    /// <summary>False when nobody answers there.</summary>
    private async Task<bool> TryWorkForAsync(string seed, CancellationToken cancellation)
    {
        using var client = new RpcClient(seed);
        using var call = new Protocol.Coordinator.CoordinatorClient(client.Invoker)
            .Join(cancellationToken: CancellationToken.None);
        try
        {
            await call.RequestStream.WriteAsync(
                new WorkerFrame { Hello = JobCodec.ToProto(_identity) }, cancellation);
            if (!await call.ResponseStream.MoveNext(cancellation))
                return false;
        }
        catch (Exception failure) when (failure is RpcException or IOException)
        {
            return false;
        }
        catch (OperationCanceledException)
        {
            return true;
        }

        await WorkForAsync(seed, call, cancellation);
        return true;
    }

    private async Task WorkForAsync(
        string seed, AsyncDuplexStreamingCall<WorkerFrame, CoordinatorFrame> call,
        CancellationToken cancellation)
    {
        var link = new StreamLink<WorkerFrame>(
            "/coordinator", message => ReportCodec.ToFrame((JobReport)message));
        IActorRef worker = _loop.Spawn(
            "worker", () => new WorkerActor(link, _training, ReportInterval));
        Task pump = link.PumpAsync(call.RequestStream.WriteAsync, CancellationToken.None);
        string reason = "it ended the stream";
        try
        {
            while (await call.ResponseStream.MoveNext(cancellation))
            {
                JobOrder? order = OrderCodec.FromFrame(call.ResponseStream.Current);
                if (order is not null)
                    worker.Tell(order);
            }
        }
        catch (RpcException failure)
        {
            reason = failure.Status.Detail;
        }
        catch (OperationCanceledException)
        {
            // Asked to leave: what was reported still goes out.
        }

        link.Complete();
        await pump.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (cancellation.IsCancellationRequested)
        {
            await call.RequestStream.CompleteAsync();
            return;
        }

        throw new OperatingException(
            $"the coordinator at {seed} is gone ({reason}); start the worker again when it is "
            + "back");
    }
}
