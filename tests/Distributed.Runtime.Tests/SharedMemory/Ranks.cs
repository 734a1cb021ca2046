using Distributed.Collectives.Transport;
using Distributed.Runtime.SharedMemory;
using Distributed.Runtime.Tests.DataPlane;

namespace Distributed.Runtime.Tests.SharedMemory;

/// <summary>Ranks in one process, connected by the transport under test.</summary>
internal abstract class Ranks(int size) : IAsyncDisposable
{
    public int Size { get; } = size;

    public abstract ITransport Open(
        int rank, int generation = 0, Action<int, string>? lost = null);

    public ITransport[] OpenAll(int generation = 0) =>
        [.. Enumerable.Range(0, Size).Select(rank => Open(rank, generation))];

    public abstract ValueTask DisposeAsync();
}

internal sealed class GrpcRanks(TransportCluster cluster) : Ranks(cluster.Addresses.Length)
{
    public override ITransport Open(
        int rank, int generation = 0, Action<int, string>? lost = null) =>
        cluster.Open(rank, generation, lost);

    public override ValueTask DisposeAsync() => cluster.DisposeAsync();
}

/// <summary>With a folder of their own, so that tests do not see each other's files.</summary>
internal sealed class SharedMemoryRanks : Ranks
{
    private readonly SharedMemoryHub[] _hubs;

    public SharedMemoryRanks(int size, int ringBytes = 1 << 20, double openTimeoutSeconds = 20)
        : base(size)
    {
        Settings = new SharedMemorySettings(
            NewDirectory(), ringBytes, TimeSpan.FromSeconds(openTimeoutSeconds));
        _hubs = [.. Enumerable.Range(0, size).Select(_ => new SharedMemoryHub(Settings))];
    }

    public SharedMemorySettings Settings { get; }

    public string[] Files => Directory.GetFiles(Settings.Directory);

    public static string NewDirectory() => Directory.CreateDirectory(Path.Combine(
        SharedMemoryHub.DefaultDirectory, "distributed.tests." + Path.GetRandomFileName()))
        .FullName;

    public override ITransport Open(
        int rank, int generation = 0, Action<int, string>? lost = null) =>
        _hubs[rank].Open(
            TransportCluster.Job, generation, rank,
            [.. Enumerable.Repeat(Environment.ProcessId, Size)], lost);

    public override ValueTask DisposeAsync()
    {
        RemoveAll();
        return ValueTask.CompletedTask;
    }

    public void RemoveAll()
    {
        foreach (var hub in _hubs)
            hub.CancelAll("the test is over");
        Directory.Delete(Settings.Directory, recursive: true);
    }
}
