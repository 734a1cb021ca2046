using Grpc.Core;

namespace Distributed.Runtime.DataPlane.Http2;

/// <summary>
/// A connection that was accepted: its thread waits for calls, has each handled, and ends with it.
/// </summary>
/// <param name="channel">Owned.</param>
/// <param name="handle">
/// Answers a call, on the connection's thread; it may throw <see cref="RpcException"/>.
/// </param>
/// <param name="ended">Told when the connection is no more.</param>
internal sealed class ServerConnection(
    ByteChannel channel, Action<ServerCall> handle, Action<ServerConnection> ended)
{
    /// <summary>How long the other side may take to introduce itself.</summary>
    private static readonly TimeSpan HandshakeTime = TimeSpan.FromSeconds(10);

    /// <summary>How long an error's GOAWAY has to arrive before the connection is closed.</summary>
    private static readonly TimeSpan LingerTime = TimeSpan.FromMilliseconds(250);

    private readonly TaskCompletionSource _ended =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private volatile bool _stopping;

    internal Task Ended => _ended.Task;

    internal void Start() => new Thread(Run, maxStackSize: 256 * 1024)
    {
        IsBackground = true,
        Name = "data-plane-connection",
    }.Start();

    /// <summary>Ends the connection as soon as no call is handled. For any thread.</summary>
    internal void Stop()
    {
        _stopping = true;
        channel.StopReceiving();
    }

    private void Run()
    {
        var connection = new Http2Connection(channel, isServer: true);
        try
        {
            ServeCalls(connection);
        }
        catch (Http2Exception)
        {
            // It has been told why; what it still sends must not make the system forget that.
            channel.Linger(LingerTime);
        }
        catch (IOException)
        {
            if (_stopping) SayGoodbye(connection);
        }
        finally
        {
            connection.Dispose();
            ended(this);
            _ended.SetResult();
        }
    }

    private void ServeCalls(Http2Connection connection)
    {
        var deadlineMs = Environment.TickCount64 + (long)HandshakeTime.TotalMilliseconds;
        Span<byte> ignored = stackalloc byte[64];
        while (true)
        {
            var found = connection.Read(ignored, out _);
            if (found == ReadEvent.Headers) Serve(new ServerCall(connection));
            var flushed = connection.TryFlush();
            if (found != ReadEvent.Blocked) continue;
            var events = ByteChannel.Readable | (flushed ? 0 : ByteChannel.Writable);
            if (!channel.Wait((short)events, WaitTime(connection, deadlineMs)))
                throw new IOException("it did not introduce itself in time");
        }
    }

    private static TimeSpan WaitTime(Http2Connection connection, long deadlineMs) =>
        connection.IsEstablished
            ? Timeout.InfiniteTimeSpan
            : TimeSpan.FromMilliseconds(Math.Max(0, deadlineMs - Environment.TickCount64));

    private void Serve(ServerCall call)
    {
        try
        {
            if (call.Headers.Find(":method") is not { } method || call.Path.Length == 0)
                call.Drop(Http2Error.Protocol);
            else if (method != "POST")
                call.EndWithHttpStatus("405");
            else if (!GrpcStatus.IsGrpc(call.Headers.Find("content-type")))
                call.EndWithHttpStatus("415");
            else
                handle(call);
        }
        catch (RpcException refused)
        {
            call.End(refused.Status);
        }
    }

    private static void SayGoodbye(Http2Connection connection)
    {
        try
        {
            connection.WriteGoAway(Http2Error.None);
            connection.TryFlush();
        }
        catch (IOException)
        {
            // It has gone already.
        }
    }
}
