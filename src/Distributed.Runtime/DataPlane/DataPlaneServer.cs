using System.Net;
using System.Net.Sockets;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane.Http2;
using Distributed.Runtime.Rpc;
using Distributed.Runtime.Security;
using Grpc.Core;

namespace Distributed.Runtime.DataPlane;

/// <summary>
/// Serves data_plane.proto to any gRPC client, on HTTP/2 by prior knowledge, or with TLS where its
/// hub's security has it. Each connection has a thread of its own, which reads it between the calls
/// of a transport.
/// </summary>
public sealed class DataPlaneServer : IAsyncDisposable
{
    /// <summary>How long connections may take to end once a stop was asked for.</summary>
    public static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(2);

    /// <summary>
    /// More than any cluster of this program has; strangers cannot make threads without bound.
    /// </summary>
    internal const int ConnectionsMax = 1024;

    private readonly object _gate = new();
    private readonly DataPlaneHub _hub;
    private readonly Socket _listener;
    private readonly HashSet<ServerConnection> _connections = [];
    private bool _stopping;

    private DataPlaneServer(DataPlaneHub hub, Socket listener, IPEndPoint address)
    {
        (_hub, _listener, Address) = (hub, listener, address);
        new Thread(Accept, maxStackSize: 128 * 1024)
        {
            IsBackground = true,
            Name = "data-plane-accept",
        }.Start();
    }

    /// <summary>Where the server listens, with the real port where 0 was asked for.</summary>
    public IPEndPoint Address { get; }

    /// <summary>What others dial: host:port.</summary>
    public string Target => Address.ToString();

    /// <summary>Listens at "host:port"; port 0 takes any free one.</summary>
    /// <exception cref="OperatingException">
    /// The address is taken, is not this machine's, or is open to others without security.
    /// </exception>
    public static async Task<DataPlaneServer> StartAsync(
        string address, DataPlaneHub hub, CancellationToken cancellation = default)
    {
        var endPoint = await RpcAddress.ResolveAsync(address, cancellation).ConfigureAwait(false);
        PortSafety.Require("the data plane", endPoint, hub.Security);
        var listener = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(endPoint);
            listener.Listen();
        }
        catch (SocketException failure)
        {
            listener.Dispose();
            if (ListenErrors.Explain(failure, endPoint) is { } explained) throw explained;
            throw;
        }

        var port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        return new DataPlaneServer(hub, listener, new IPEndPoint(endPoint.Address, port));
    }

    /// <summary>
    /// Cancels the open transports, takes no more calls and ends the connections. Safe to call
    /// twice.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (_stopping) return;
            _stopping = true;
        }

        _listener.Dispose();
        _hub.CancelAll("its server stops");
        ServerConnection[] open;
        lock (_gate)
            open = [.. _connections];
        foreach (var connection in open)
            connection.Stop();
        await Task.WhenAny(
            Task.WhenAll(open.Select(connection => connection.Ended)), Task.Delay(StopGrace))
            .ConfigureAwait(false);
    }

    private void Accept()
    {
        while (true)
        {
            try
            {
                Admit(_listener.Accept());
            }
            catch (SocketException failure) when (!Volatile.Read(ref _stopping)
                && failure.SocketErrorCode != SocketError.OperationAborted)
            {
                // The caller went away at once, or there are no descriptors left for a while.
                Thread.Sleep(10);
            }
            catch (Exception stopped) when (stopped is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private void Admit(Socket accepted)
    {
        lock (_gate)
        {
            if (_stopping || _connections.Count == ConnectionsMax)
            {
                accepted.Dispose();
                return;
            }

            var connection = new ServerConnection(
                _hub.Security.Tls is { } tls
                    ? TlsTunnel.Accept(accepted, tls)
                    : new ByteChannel(accepted),
                Handle, Forget);
            _connections.Add(connection);
            connection.Start();
        }
    }

    private void Forget(ServerConnection connection)
    {
        lock (_gate)
            _connections.Remove(connection);
    }

    private void Handle(ServerCall call)
    {
        if (_hub.Security.Refusal(call.Headers.Find(AccessToken.HeaderName)) is { } refusal)
            throw new RpcException(new Status(StatusCode.Unauthenticated, refusal));
        switch (call.Path)
        {
            case DataPlaneMethods.Exchange:
                _hub.Exchange(call);
                break;
            case DataPlaneMethods.FetchState:
                _hub.States.Serve(call);
                break;
            default:
                throw new RpcException(new Status(
                    StatusCode.Unimplemented,
                    $"{call.Path} is unknown here: expected a call of {DataPlaneMethods.Service}"));
        }
    }
}
