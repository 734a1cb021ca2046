using Distributed.Kernel;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Distributed.Runtime.Rpc;

/// <summary>
/// Gives a caller the one line of an operating error as FAILED_PRECONDITION, where gRPC would
/// otherwise hide it behind UNKNOWN.
/// </summary>
internal sealed class OperatingErrorInterceptor : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request,
        ServerCallContext context,
        UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context).ConfigureAwait(false);
        }
        catch (OperatingException error)
        {
            throw AsStatus(error);
        }
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(requestStream, context).ConfigureAwait(false);
        }
        catch (OperatingException error)
        {
            throw AsStatus(error);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context).ConfigureAwait(false);
        }
        catch (OperatingException error)
        {
            throw AsStatus(error);
        }
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(requestStream, responseStream, context).ConfigureAwait(false);
        }
        catch (OperatingException error)
        {
            throw AsStatus(error);
        }
    }

    private static RpcException AsStatus(OperatingException error) =>
        new(new Status(StatusCode.FailedPrecondition, error.Message, error));
}
