using Distributed.Cluster.Coordination;
using Distributed.Cluster.Workers;
using Distributed.Kernel;
using Distributed.Runtime.Protocol;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Grpc.Core;
using WorkerIdentity = Distributed.Cluster.Coordination.WorkerIdentity;

namespace Distributed.Runtime.Workers;

/// <summary>The dial port over gRPC: one connection and one call of Join for each stream.</summary>
/// <param name="deadLetters">Takes what is told to a stream that has ended.</param>
/// <param name="security">What a coordinator is shown.</param>
internal sealed class ControlDialer(IActorRef deadLetters, RpcSecurity security) : IDialPort
{
    /// <summary>How long a coordinator may take to answer the introduction.</summary>
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(1);

    /// <summary>How long a coordinator may take to end a stream that was closed here.</summary>
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(1);

    public void Dial(string address, WorkerIdentity identity, IActorRef worker) =>
        _ = Task.Run(() => DialAsync(address, identity, worker));

    private async Task DialAsync(string address, WorkerIdentity identity, IActorRef worker)
    {
        RpcClient client;
        try
        {
            client = new RpcClient(address, security);
        }
        catch (OperatingException mistyped)
        {
            worker.Tell(new DialFailed(address, mistyped.Message));
            return;
        }

        using (client)
        {
            using var stop = new CancellationTokenSource();
            using var call = new Protocol.Coordinator.CoordinatorClient(client.Invoker)
                .Join(cancellationToken: stop.Token);
            string? problem = await IntroduceAsync(address, identity, call);
            if (problem is null)
                await TalkAsync(worker, call);
            else
                worker.Tell(new DialFailed(address, problem));
            await stop.CancelAsync();
        }
    }

    /// <summary>Null where the coordinator has taken the stream.</summary>
    private static async Task<string?> IntroduceAsync(
        string address, WorkerIdentity identity,
        AsyncDuplexStreamingCall<WorkerFrame, CoordinatorFrame> call)
    {
        try
        {
            Task hello = call.RequestStream.WriteAsync(
                new WorkerFrame { Hello = JobCodec.ToProto(identity) });
            await Task.WhenAll(hello, call.ResponseHeadersAsync).WaitAsync(ConnectTimeout);
            return null;
        }
        catch (TimeoutException)
        {
            return $"nothing answers at {address}";
        }
        catch (RpcException failure)
        {
            if (RpcErrors.Distrust(failure) is { } distrust)
                return $"{address} {distrust}";
            return RpcErrors.Unreachable(failure) is { } unreachable
                ? $"{unreachable} {address}"
                : $"{address} refused: {RpcErrors.Detail(failure)}";
        }
        catch (Exception failure) when (failure is IOException or InvalidOperationException)
        {
            return $"the connection to {address} broke";
        }
    }

    private async Task TalkAsync(
        IActorRef worker, AsyncDuplexStreamingCall<WorkerFrame, CoordinatorFrame> call)
    {
        using var link = new StreamLink<WorkerFrame>(
            "/coordinator", message => ReportCodec.ToFrame((WorkerMessage)message), _ => false,
            deadLetters);
        worker.Tell(new LinkOpened(link));
        Task pump = PumpAsync(link, call.RequestStream, worker);
        Task<string> read = ReadAsync(link, call.ResponseStream, worker);
        await Task.WhenAny(pump, read);
        if (!read.IsCompleted)
        {
            await Task.WhenAny(read, Task.Delay(CloseTimeout));
        }

        string reason = link.CloseReason
            ?? (read.IsCompletedSuccessfully ? await read : "it does not end the stream");
        link.End(reason);
        worker.Tell(new LinkClosed(link, reason));
    }

    private static async Task PumpAsync(
        StreamLink<WorkerFrame> link, IClientStreamWriter<WorkerFrame> frames,
        IActorRef worker)
    {
        async Task WriteAsync(WorkerFrame frame)
        {
            await frames.WriteAsync(frame);
            if (frame.FrameCase == WorkerFrame.FrameOneofCase.Attachment)
                worker.Tell(new AttachmentLeft(link));
        }

        try
        {
            await link.PumpAsync(WriteAsync, CancellationToken.None);
            await frames.CompleteAsync();
        }
        catch (Exception broken) when (
            broken is RpcException or IOException or InvalidOperationException
                or OperationCanceledException)
        {
            // The reader hears of it too, and says why.
        }
    }

    private static async Task<string> ReadAsync(
        StreamLink<WorkerFrame> link, IAsyncStreamReader<CoordinatorFrame> frames,
        IActorRef worker)
    {
        try
        {
            while (await frames.MoveNext(CancellationToken.None))
            {
                CoordinatorMessage? message = OrderCodec.FromFrame(frames.Current);
                if (message is not null)
                    worker.Tell(new LinkMessage(link, message));
            }

            return "it ended the stream";
        }
        catch (RpcException failure)
        {
            return failure.StatusCode == StatusCode.Unavailable
                ? "its connection broke"
                : RpcErrors.Detail(failure);
        }
    }
}
