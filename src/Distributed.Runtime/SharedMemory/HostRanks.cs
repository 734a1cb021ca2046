using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Runtime.DataPlane;

namespace Distributed.Runtime.SharedMemory;

/// <summary>
/// The ranks of one host in a generation of several hosts. What they tell each other, and who of
/// the generation has died, comes through the transport of all ranks.
/// </summary>
/// <param name="transport">Of all ranks; not owned.</param>
/// <param name="group">The host's, this rank among them.</param>
/// <param name="processIds">By rank of the generation.</param>
/// <param name="job">The job.</param>
/// <param name="directory">Where the memory's files are.</param>
internal sealed class HostRanks(
    GrpcTransport transport, HostGroup group, IReadOnlyList<int> processIds, ulong job,
    string directory) : ISharingRanks
{
    public event Action? Disturbed
    {
        add => transport.Disturbed += value;
        remove => transport.Disturbed -= value;
    }

    public ITransport Transport { get; } = new TransportView(
        transport, [.. Enumerable.Range(group.First, group.Count)]);

    public ulong Job => job;

    public int Generation => transport.Generation;

    public string Directory => directory;

    public int RankOf(int number) => group.First + number;

    public ProcessIdentity ProcessOf(int number) =>
        ProcessIdentity.Find(processIds[RankOf(number)]) ?? default;

    public Exception? Failure() => transport.Failure();

    public PeerLostException Lost(int number, string reason) => new(
        transport.Rank, RankOf(number), $"process {processIds[RankOf(number)]} of this host",
        reason);
}
