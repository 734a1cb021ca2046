using System.Diagnostics.CodeAnalysis;
using Distributed.Cluster.Coordination;

namespace Distributed.Simulation.Network;

/// <summary>How streams keep their order; tests plant mistakes here.</summary>
internal class NetworkHooks
{
    public virtual bool Take(Queue<Parcel> inFlight, [MaybeNullWhen(false)] out Parcel parcel) =>
        inFlight.TryDequeue(out parcel);

    /// <summary>What a worker hears when a coordinator tells it that.</summary>
    public virtual CoordinatorMessage Told(CoordinatorMessage message) => message;
}
