using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using Distributed.Cli.Commands;
using Distributed.Cli.Nodes;
using Distributed.Collectives.Reduction;
using Distributed.Kernel;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.SharedMemory;

namespace Distributed.Cli.Bench.AllReduce;

/// <param name="Listen">host:port; port 0 takes any free one.</param>
internal sealed record RankOptions(
    string Transport, int Rank, ReductionOrder Order, string Listen, int CapacityBytes);

/// <summary>
/// One rank of `bench allreduce`, a process of its own that is driven by lines: after "ready" with
/// its contact, "open CONTACT…" names all ranks' contacts, and each "run BYTES ITERATIONS" is
/// answered with "done" and the microseconds of each iteration on this rank.
/// </summary>
internal static class RankProgram
{
    private const ulong Job = 1;

    public static async Task RunAsync(RankOptions options, TextReader input, TextWriter output)
    {
        var hub = new DataPlaneHub(
            NodeSettings.Security(NodeSettings.Read(new NodeOptions(null, [], Supervised: true))));
        await using DataPlaneServer? server = options.Transport == "grpc"
            ? await DataPlaneServer.StartAsync(options.Listen, hub)
            : null;
        output.WriteLine($"ready {server?.Target ?? $"{Environment.ProcessId}"}");
        string[] contacts = Words(input, "open");
        if (contacts.Length == 0)
            return;
        using IRankReducer reducer = Open(options, hub, contacts);
        var loop = new RankLoop(reducer, options.Rank, contacts.Length);
        loop.Check();
        output.WriteLine("opened");
        while (Words(input, "run") is [string bytes, string iterations])
        {
            double[] times = loop.Run(
                long.Parse(bytes, CultureInfo.InvariantCulture) / sizeof(float),
                int.Parse(iterations, CultureInfo.InvariantCulture));
            output.WriteLine("done " + string.Join(' ', times.Select(
                time => time.ToString("F2", CultureInfo.InvariantCulture))));
        }
    }

    /// <summary>The one place that knows how ranks are connected.</summary>
    private static IRankReducer Open(
        RankOptions options, DataPlaneHub hub, string[] contacts)
    {
        var scope = new CollectiveScope(Job, Generation: 0);
        // A logical shard a rank, or a subtree of two where their number is no power of two.
        int shards = (int)BitOperations.RoundUpToPowerOf2((uint)contacts.Length);
        ReductionPlan plan = ReductionPlan.Create(
            ShardMap.Even(shards, contacts.Length), options.Order);
        if (options.Transport == "grpc")
        {
            return new TransportReducer(
                hub.Open(Job, scope.Generation, options.Rank, contacts), plan,
                options.CapacityBytes, scope);
        }

        SharedMemoryTransport transport = new SharedMemoryHub().Open(
            Job, scope.Generation, options.Rank, [.. contacts.Select(int.Parse)]);
        var resident = ResidentBuffers.TryOpen(
            transport, plan, options.CapacityBytes / sizeof(float), Console.Error.WriteLine);
        return resident is not null
            ? new ResidentReducer(transport, resident)
            : new TransportReducer(transport, plan, options.CapacityBytes, scope);
    }

    /// <summary>The words after the first; none where the input has ended.</summary>
    private static string[] Words(TextReader input, string first)
    {
        if (input.ReadLine() is not { } line)
            return [];
        string[] words = line.Split(' ');
        Invariant.Check(words[0] == first, "a rank is driven by the lines that it knows");
        return words[1..];
    }
}

/// <summary>Measures the all-reduces of one rank.</summary>
internal sealed class RankLoop(IRankReducer reducer, int rank, int ranks)
{
    private long _step;

    /// <summary>Figures of a sum that is wrong would be worth nothing.</summary>
    public void Check()
    {
        Span<float> values = MemoryMarshal.Cast<byte, float>(reducer.Bucket.Span);
        values.Fill(rank + 1);
        reducer.Reduce(_step++, values.Length);
        float expected = ranks * (ranks + 1) / 2f;
        Invariant.Check(
            values.IndexOfAnyExcept(expected) < 0, "an all-reduce has the sum over all ranks");
        values.Clear();
        reducer.Barrier(_step++);
    }

    /// <summary>The microseconds of each iteration.</summary>
    public double[] Run(long elements, int iterations)
    {
        var times = new double[iterations];
        for (int iteration = 0; iteration < iterations; iteration++)
        {
            reducer.Barrier(_step++);
            long started = Stopwatch.GetTimestamp();
            reducer.Reduce(_step++, elements);
            times[iteration] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
        }

        return times;
    }
}
