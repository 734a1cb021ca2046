using Google.Protobuf.Reflection;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace Distributed.Runtime.Rpc;

/// <summary>
/// Collects what a server serves; each service is also known to health and reflection.
/// </summary>
public sealed class RpcEndpoints
{
    private readonly List<ServiceDescriptor> _services = [];

    internal RpcEndpoints(IEndpointRouteBuilder routes) => Routes = routes;

    internal IReadOnlyList<ServiceDescriptor> Services => _services;

    internal IEndpointRouteBuilder Routes { get; }

    /// <summary>
    /// Serves a class derived from a generated base, made per call by the container.
    /// </summary>
    public void Map<TService>(ServiceDescriptor descriptor) where TService : class
    {
        Routes.MapGrpcService<TService>();
        _services.Add(descriptor);
    }

    /// <summary>Serves methods that were put together by hand.</summary>
    public void Map(ServerServiceDefinition methods, ServiceDescriptor descriptor)
    {
        Routes.MapGrpcService(methods);
        _services.Add(descriptor);
    }
}
