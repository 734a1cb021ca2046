using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using Distributed.Runtime.SharedMemory;
using Distributed.Runtime.Tests.DataPlane;

namespace Distributed.Runtime.Tests.SharedMemory;

/// <summary>
/// This test project as a program of its own: rank 1 of two, for tests that need a real process.
/// It reduces until rank 0 is gone.
/// </summary>
internal static class PeerProgram
{
    private const int Elements = 200_000;

    public static int Main(string[] arguments)
    {
        var parent = int.Parse(arguments[1], CultureInfo.InvariantCulture);
        try
        {
            using var transport = Open(rank: 1, arguments[0], [parent, Environment.ProcessId]);
            Reduce(transport, bool.Parse(arguments[2]), steps: int.MaxValue, _ => { });
        }
        catch (PeerLostException)
        {
            return 0;
        }

        return 1;
    }

    public static Process Start(string directory, bool isResident = false)
    {
        var runtime = RuntimeEnvironment.GetRuntimeDirectory();
        var start = new ProcessStartInfo(
            Path.GetFullPath(Path.Combine(runtime, "../../../dotnet")),
            [
                "exec", typeof(PeerProgram).Assembly.Location, directory,
                Environment.ProcessId.ToString(CultureInfo.InvariantCulture), $"{isResident}",
            ]);
        return Process.Start(start)!;
    }

    public static SharedMemoryTransport Open(
        int rank, string directory, int[] processIds, Action<int, string>? lost = null,
        bool usesProcessHandles = true)
    {
        var settings = new SharedMemorySettings(
            directory, 1 << 16, TimeSpan.FromSeconds(20), usesProcessHandles);
        return new SharedMemoryHub(settings).Open(
            TransportCluster.Job, 0, rank, processIds, lost);
    }

    /// <summary>Sums (rank + 1) over the ranks, step after step, and checks each sum.</summary>
    public static void Reduce(
        SharedMemoryTransport transport, bool isResident, int steps, Action<int> done)
    {
        var plan = ReductionPlan.Create(ShardMap.Even(2, 2), ReductionOrder.Exact);
        using var resident = isResident
            ? ResidentBuffers.TryOpen(transport, plan, Elements)
            : null;
        IBucketReducer reducer = resident is not null
            ? resident
            : new AllReducer(
                transport, plan, [new byte[Elements * sizeof(float)]],
                new CollectiveScope(TransportCluster.Job, 0));
        if (isResident != resident is not null)
            throw new InvalidDataException("there is no room for the buffers");
        for (var step = 0; step < steps; step++)
        {
            var buffer = reducer.Output;
            MemoryMarshal.Cast<byte, float>(buffer.Span).Fill(transport.Rank + 1);
            reducer.Reduce(step, 0, 0, Elements);
            reducer.EndStep();
            if (MemoryMarshal.Cast<byte, float>(buffer.Span).IndexOfAnyExcept(3f) >= 0)
                throw new InvalidDataException($"step {step} has another sum than 3");
            done(step);
        }
    }
}
