using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Distributed.Kernel;
using Distributed.Runtime.Security;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;

namespace Distributed.Runtime.Rpc;

/// <summary>
/// One connection to a gRPC server, and one wording for all that can go wrong with it.
/// </summary>
public sealed class RpcClient : IDisposable
{
    /// <summary>The deadline of a unary call that names no other.</summary>
    public static readonly TimeSpan DefaultDeadline = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(1.5);

    private const int WindowBytes = 16 * 1024 * 1024;

    private static readonly TimeSpan PingAfterSilence = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(5);

    private readonly GrpcChannel _channel;
    private readonly RpcSecurity _security;

    /// <summary>Prepares a connection to "host:port"; it is opened by the first call.</summary>
    public RpcClient(string address, RpcSecurity security)
    {
        var (host, port) = RpcAddress.Split(address);
        Address = address;
        _security = security;
        var scheme = security.HasTls ? Uri.UriSchemeHttps : Uri.UriSchemeHttp;
        _channel = GrpcChannel.ForAddress(
            new UriBuilder(scheme, host, port).Uri,
            new GrpcChannelOptions
            {
                HttpHandler = CreateHandler(security),
                DisposeHttpClient = true,
                MaxReceiveMessageSize = null,
                MaxSendMessageSize = null,
                MaxRetryAttempts = null,
            });
    }

    public string Address { get; }

    /// <summary>What generated clients are made of.</summary>
    public CallInvoker Invoker => field ??= _security.Token is { } token
        ? _channel.Intercept(metadata => WithToken(metadata, token))
        : _channel.CreateCallInvoker();

    /// <summary>The deadline of a call that starts now.</summary>
    public static DateTime DeadlineAfter(TimeSpan time) => DateTime.UtcNow + time;

    /// <summary>
    /// Awaits a call, and throws what went wrong as one line. <paramref name="what"/> completes
    /// "could not …": "join the cluster".
    /// </summary>
    /// <exception cref="OperatingException">The call failed.</exception>
    public async Task<T> AskAsync<T>(
        string what,
        Func<CallInvoker, CallOptions, AsyncUnaryCall<T>> call,
        TimeSpan? deadline = null,
        CancellationToken cancellation = default)
    {
        var time = deadline ?? DefaultDeadline;
        var options = new CallOptions(
            deadline: DeadlineAfter(time), cancellationToken: cancellation);
        try
        {
            using var pending = call(Invoker, options);
            return await pending.ResponseAsync.ConfigureAwait(false);
        }
        catch (RpcException failure) when (
            failure.StatusCode != StatusCode.Cancelled || !cancellation.IsCancellationRequested)
        {
            throw RpcErrors.Explain(failure, Address, what, time);
        }
        catch (RpcException failure)
        {
            throw new OperationCanceledException(
                $"cancelled while trying to {what}", failure, cancellation);
        }
    }

    public void Dispose() => _channel.Dispose();

    internal static SocketsHttpHandler CreateHandler(RpcSecurity security) => new()
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        EnableMultipleHttp2Connections = true,
        InitialHttp2StreamWindowSize = WindowBytes,
        PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        KeepAlivePingDelay = PingAfterSilence,
        KeepAlivePingTimeout = PingTimeout,
        SslOptions = new SslClientAuthenticationOptions(),
        ConnectCallback = (context, cancellation) =>
            ConnectAsync(context.DnsEndPoint, security.Tls, cancellation),
    };

    private static Metadata WithToken(Metadata metadata, AccessToken token)
    {
        metadata.Add(AccessToken.HeaderName, token.Header);
        return metadata;
    }

    private static async ValueTask<Stream> ConnectAsync(
        DnsEndPoint place, TlsIdentity? tls, CancellationToken cancellation)
    {
        var stream = await ConnectAsync(place, cancellation).ConfigureAwait(false);
        if (tls is null) return stream;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(HandshakeTimeout);
        try
        {
            // The handler leaves a stream alone that speaks TLS already.
            return await tls.ConnectAsync(stream, place.Host, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TlsException(
                "does not answer with TLS: expected a server of this cluster with"
                + " security.tls set");
        }
    }

    private static async ValueTask<Stream> ConnectAsync(
        DnsEndPoint place, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(ConnectTimeout);
        try
        {
            await socket.ConnectAsync(place, limit.Token).ConfigureAwait(false);
            // A dial of a free port in the ephemeral range can meet itself.
            if (Equals(socket.LocalEndPoint, socket.RemoteEndPoint))
                throw new SocketException((int)SocketError.ConnectionRefused);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            socket.Dispose();
            throw new SocketException((int)SocketError.TimedOut);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
