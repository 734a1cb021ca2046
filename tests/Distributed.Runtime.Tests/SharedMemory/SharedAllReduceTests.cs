using System.Runtime.InteropServices;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Tests;
using Distributed.Collectives.Transport;
using Distributed.Runtime.Tests.DataPlane;

namespace Distributed.Runtime.Tests.SharedMemory;

/// <summary>
/// Goal: an all-reduce over shared memory has the bits of one over anything else. Method: the cross
/// product of ranks, lengths, orders and rings against the in-memory network.
/// </summary>
public sealed class SharedAllReduceTests
{
    private const int Shards = 4;

    public static TheoryData<int, int, ReductionOrder> RanksLengthsOrders()
    {
        var data = new TheoryData<int, int, ReductionOrder>();
        foreach (var ranks in new[] { 1, 2, 3, 4 })
            foreach (var length in new[] { 0, 1, 2, 15, 17, 33, 1_001, 20_011, 300_007 })
                foreach (var order in Enum.GetValues<ReductionOrder>())
                    data.Add(ranks, length, order);
        return data;
    }

    [Theory]
    [MemberData(nameof(RanksLengthsOrders))]
    public async Task HasTheBitsOfTheInMemoryNetwork(int ranks, int length, ReductionOrder order)
    {
        var gradients = Gradients(length);
        // The second ring holds no whole chunk, so every frame goes through it in pieces.
        foreach (var (ringBytes, chunk) in new[] { (1 << 12, 257), (1 << 16, 1 << 16) })
        {
            var network = new InMemoryNetwork(ranks);
            var expected = await AllReduceAsync(
                [.. Enumerable.Range(0, ranks).Select(network.Connect)], gradients, order, chunk);
            await using var shared = new SharedMemoryRanks(ranks, ringBytes);
            var got = await AllReduceAsync(shared.OpenAll(), gradients, order, chunk);
            for (var rank = 0; rank < ranks; rank++)
                Assert.Equal(expected[rank], got[rank]);
        }
    }

    private static async Task<byte[][]> AllReduceAsync(
        ITransport[] transports, float[][] gradients, ReductionOrder order, int chunk)
    {
        var plan = ReductionPlan.Create(ShardMap.Even(Shards, transports.Length), order);
        var sums = new byte[transports.Length][];
        await Task.WhenAll(transports.Select(transport => TransportCluster.OnThread(
            () => sums[transport.Rank] = ReduceOnRank(transport, plan, gradients, chunk))));
        await TransportCluster.DisposeAllAsync(transports);
        return sums;
    }

    private static byte[] ReduceOnRank(
        ITransport transport, ReductionPlan plan, float[][] gradients, int chunk)
    {
        var local = plan.Locals[transport.Rank];
        var length = gradients[0].Length;
        Memory<byte>[] buffers =
            [.. Enumerable.Range(0, local.BufferCount).Select(_ => new byte[length * 4])];
        foreach (var work in local.Shards)
        {
            gradients[work.Shard].CopyTo(Floats(buffers[work.Buffer]));
            foreach (var add in work.Adds)
            {
                var target = Floats(buffers[add.Target]);
                var source = Floats(buffers[add.Source]);
                for (var index = 0; index < length; index++)
                    target[index] += source[index];
            }
        }

        var scope = new CollectiveScope(TransportCluster.Job, 0);
        var reducer = new AllReducer(transport, plan, buffers, scope, chunk);
        for (var bucket = 1; bucket >= 0; bucket--)
        {
            var middle = length / 3;
            var (offset, end) = bucket == 1 ? (middle, length) : (0, middle);
            reducer.Reduce(step: 3, bucket, offset, end - offset);
        }

        transport.Flush();
        return reducer.Output.ToArray();
    }

    /// <summary>Of magnitudes so different that every order of adding has its own bits.</summary>
    private static float[][] Gradients(int length)
    {
        var random = new Random(length);
        return
        [
            .. Enumerable.Range(0, Shards).Select(_ => Enumerable.Range(0, length)
                .Select(_ => (float)(random.NextDouble() * Math.Pow(10, random.Next(-4, 4))))
                .ToArray()),
        ];
    }

    private static Span<float> Floats(Memory<byte> bytes) =>
        MemoryMarshal.Cast<byte, float>(bytes.Span);
}
