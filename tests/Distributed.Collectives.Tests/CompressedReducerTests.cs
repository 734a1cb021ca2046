using System.Runtime.InteropServices;
using Distributed.Collectives.Reduction;
using Distributed.Collectives.Transport;
using FsCheck.Xunit;

namespace Distributed.Collectives.Tests;

/// <summary>
/// Compressed sums: the same bits on every rank, at half the bytes, with errors that do not add up
/// over the steps, and counts that have none.
/// </summary>
public sealed class CompressedReducerTests
{
    /// <summary>Of bfloat16: half of the last of 8 bits.</summary>
    private const double RelativeError = 1.0 / 256;

    public static TheoryData<int, int, int> RanksLengthsChunks()
    {
        var data = new TheoryData<int, int, int>();
        foreach (int ranks in new[] { 1, 2, 3, 4, 5, 7 })
        {
            foreach (int length in new[] { 17, 33, 64, 1_000, 20_011 })
            {
                foreach (int chunk in new[] { 64, 257, 1 << 16 })
                    data.Add(ranks, length, chunk);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(RanksLengthsChunks))]
    public void EveryRankHasTheSameSumAndExactCounts(int ranks, int length, int chunk)
    {
        const int counts = 16;
        float[][] values = Draw(ranks, length, seed: (ranks * 31) + length);
        foreach (float[] one in values)
            one.AsSpan(length - counts).Fill(1_000_001);
        float[][] sums = OnRanks(ranks, length, length - counts, chunk, (rank, step) =>
        {
            values[rank.Transport.Rank].CopyTo(rank.Values);
            rank.Reduce(step);
            return rank.Values.ToArray();
        });
        Assert.All(sums, sum => Assert.Equal(Bits(sums[0]), Bits(sum)));
        for (int index = 0; index < length - counts; index++)
        {
            double magnitude = values.Sum(one => Math.Abs((double)one[index]));
            double exact = values.Sum(one => (double)one[index]);
            Assert.Equal(exact, sums[0][index], 2.1 * RelativeError * magnitude);
        }

        Assert.All(sums[0][^counts..], count => Assert.Equal(ranks * 1_000_001, count));
    }

    /// <summary>
    /// Each step's error is what the residuals keep of it. So the sums over T steps are off by what
    /// is kept at the end, which does not grow with T.
    /// </summary>
    [Property(MaxTest = 30)]
    public void OverManyStepsTheMeanOfTheSumsComesToTheTrueMean(int seed)
    {
        const int steps = 200;
        const int length = 100;
        int ranks = 2 + Math.Abs(seed % 3);
        float[][] values = Draw(ranks, length, seed);
        double[][] totals = OnRanks(ranks, length, length, 16, steps, (rank, step) =>
        {
            values[rank.Transport.Rank].CopyTo(rank.Values);
            rank.Reduce(step);
            return rank.Values.ToArray().Select(value => (double)value).ToArray();
        }, (total, sum) => [.. total.Zip(sum, (left, right) => left + right)]);
        (double withFeedback, double without) = (0, 0);
        for (int index = 0; index < length; index++)
        {
            double exact = values.Sum(one => (double)one[index]);
            double magnitude = values.Sum(one => Math.Abs((double)one[index]));
            double rounded = values.Sum(
                one => (double)Bfloat16.Widen(Bfloat16.Round(one[index])));
            double error = Math.Abs((totals[0][index] / steps) - exact) / magnitude;
            Assert.InRange(error, 0, (3 * RelativeError / steps) + 1e-6);
            withFeedback = Math.Max(withFeedback, error);
            without = Math.Max(without, Math.Abs(rounded - exact) / magnitude);
        }

        Assert.True(without > 10 * withFeedback, $"{without} without, {withFeedback} with");
    }

    /// <summary>An eighth of the last bit, which rounding alone loses at every step.</summary>
    [Fact]
    public void WhatIsTooSmallForOneStepIsNotLost()
    {
        const int steps = 300;
        float[][] totals = OnRanks(2, 40, 40, 16, steps, (rank, step) =>
        {
            rank.Values.Fill(1 + (1f / 1024));
            rank.Reduce(step);
            return rank.Values.ToArray();
        }, (total, sum) => [.. total.Zip(sum, (left, right) => left + right)]);
        Assert.All(totals[0], total => Assert.Equal(2 * (1 + (1.0 / 1024)), total / steps, 1e-4));
    }

    [Fact]
    public void HalfTheBytesCrossTheLink()
    {
        const int length = 4 * 256;
        long compressed = BytesSent(length, compressedLength: length);
        long plain = BytesSent(length, compressedLength: 0);
        Assert.Equal(2 * 4 * (4 - 1) * length / 4 * sizeof(float), plain);
        Assert.Equal(plain / 2, compressed);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void APeerThatExpectsTheOtherFormatSaysSo(bool compressedRefuses)
    {
        var network = new InMemoryNetwork(2);
        ReductionPlan plan = ReductionPlan.Create(ShardMap.Even(2, 2), ReductionOrder.Fast);
        var scope = new CollectiveScope(1, 1);
        IBucketReducer compressed = new CompressedReducer(
            network.Connect(compressedRefuses ? 0 : 1), plan, [new byte[256]], 64, scope);
        IBucketReducer plain = new AllReducer(
            network.Connect(compressedRefuses ? 1 : 0), plan, [new byte[256]], scope);
        (IBucketReducer refuses, IBucketReducer other) =
            compressedRefuses ? (compressed, plain) : (plain, compressed);
        var thread = new Thread(() =>
            Assert.ThrowsAny<Exception>(() => other.Reduce(step: 5, bucket: 0, 0, 64)));
        thread.Start();
        var refusal = Assert.Throws<FrameRefusedException>(
            () => refuses.Reduce(step: 5, bucket: 0, 0, 64));
        Assert.Equal("element format", refusal.Field);
        Assert.Equal(compressedRefuses ? "Float32" : "Bfloat16", refusal.Got);
        network.CancelAll();
        thread.Join();
    }

    private static long BytesSent(int length, int compressedLength)
    {
        var network = new InMemoryNetwork(4);
        OnRanks(network, length, compressedLength, 64, 1, (rank, step) =>
        {
            rank.Reduce(step);
            return 0;
        }, (_, last) => last);
        return network.PayloadBytes;
    }

    private static T[] OnRanks<T>(
        int ranks, int length, int compressedLength, int chunk, Func<Rank, int, T> step) =>
        OnRanks(ranks, length, compressedLength, chunk, 1, step, (_, last) => last);

    private static T[] OnRanks<T>(
        int ranks, int length, int compressedLength, int chunk, int steps,
        Func<Rank, int, T> step, Func<T, T, T> combine) =>
        OnRanks(
            new InMemoryNetwork(ranks), length, compressedLength, chunk, steps, step, combine);

    private static T[] OnRanks<T>(
        InMemoryNetwork network, int length, int compressedLength, int chunk, int steps,
        Func<Rank, int, T> step, Func<T, T, T> combine)
    {
        ReductionPlan plan = ReductionPlan.Create(
            ShardMap.Even(8, network.Size), ReductionOrder.Fast);
        var results = new T[network.Size];
        var failures = new List<Exception>();
        Thread[] threads =
        [
            .. Enumerable.Range(0, network.Size).Select(number => new Thread(() =>
            {
                try
                {
                    var rank = new Rank(
                        network.Connect(number), plan, length, compressedLength, chunk);
                    T result = step(rank, 0);
                    for (int index = 1; index < steps; index++)
                        result = combine(result, step(rank, index));
                    results[number] = result;
                }
                catch (Exception failure)
                {
                    lock (failures)
                        failures.Add(failure);
                    network.CancelAll();
                }
            })),
        ];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Empty(failures);
        return results;
    }

    /// <summary>Of all magnitudes between which sums can tell orders apart.</summary>
    private static float[][] Draw(int ranks, int length, int seed)
    {
        var random = new Random(seed);
        return
        [
            .. Enumerable.Range(0, ranks).Select(_ => Enumerable.Range(0, length)
                .Select(_ => (float)((random.NextDouble() - 0.5) * Math.Pow(
                    10, random.Next(-4, 4))))
                .ToArray()),
        ];
    }

    private static int[] Bits(float[] values) => [.. values.Select(BitConverter.SingleToInt32Bits)];

    /// <summary>Reduces in two buckets, the last elements first.</summary>
    private sealed class Rank(
        ITransport transport, ReductionPlan plan, int length, int compressedLength, int chunk)
    {
        private readonly CompressedReducer reducer = new(
            transport, plan, [new byte[length * sizeof(float)]], compressedLength,
            new CollectiveScope(9, 1), chunk);

        public ITransport Transport => transport;

        public Span<float> Values => MemoryMarshal.Cast<byte, float>(reducer.Output.Span);

        public void Reduce(int step)
        {
            reducer.Reduce(step, 0, length / 2, length - (length / 2));
            reducer.Reduce(step, 1, 0, length / 2);
            reducer.EndStep();
        }
    }
}
