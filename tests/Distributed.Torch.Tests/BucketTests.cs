using FsCheck;
using FsCheck.Xunit;

namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: communication may start while backward runs. So buckets tile the gradient buffer from its
/// end, become whole in their order, and are final when they are announced.
/// </summary>
public sealed class BucketTests
{
    /// <summary>
    /// Whatever the bucket size, the buckets tile the buffer and cut no layer in two.
    /// </summary>
    [Property(MaxTest = 60)]
    public void BucketsTileTheGradients(PositiveInt size)
    {
        TorchLibrary.Initialize(1);
        var bytes = 1L << (size.Get % 24);
        using var model = TorchModel.Create(Networks.EveryLayer, bucketBytes: bytes);
        var end = model.GradientLength;
        foreach (var bucket in model.Buckets)
        {
            Assert.Equal(end, bucket.Offset + bucket.Length);
            Assert.True(bucket.Length > 0 && bucket.Offset % 16 == 0);
            Assert.True(bucket.Offset == 0 || bucket.Length * 4 >= bytes);
            end = bucket.Offset;
        }
        Assert.Equal(0, end);
        foreach (var bias in model.Parameters.Where(tensor => tensor.Name.EndsWith("bias")))
        {
            var weight = model.Parameters.Single(tensor =>
                tensor.Name == bias.Name.Replace("bias", "weight", StringComparison.Ordinal));
            Assert.Equal(BucketOf(model, weight.Offset), BucketOf(model, bias.Offset));
        }
    }

    /// <summary>
    /// At each announcement, a copy of the bucket is taken: it must be what the buffer holds once
    /// backward has returned, statistics and trailer included.
    /// </summary>
    [Theory]
    [InlineData(1L)]
    [InlineData(2000L)]
    [InlineData(1L << 24)]
    public void BucketsAreAnnouncedInOrderAndWhole(long bucketBytes)
    {
        using var bench = new Bench(Networks.EveryLayer, bucketBytes: bucketBytes);
        bench.Gradients.AsSpan<float>().Fill(float.NaN);
        bench.Gradients.AsSpan<float>()[^14..].Fill(42);
        var announced = new List<(int Index, float[] Content, int Thread)>();
        bench.Step(bucketReady: index =>
        {
            var bucket = bench.Model.Buckets[index];
            announced.Add((index,
                bench.Gradients.AsSpan<float>(bucket.Offset, (int)bucket.Length).ToArray(),
                Environment.CurrentManagedThreadId));
        });
        Assert.Equal(Enumerable.Range(0, bench.Model.Buckets.Count),
            announced.Select(entry => entry.Index));
        foreach (var (index, content, thread) in announced)
        {
            var bucket = bench.Model.Buckets[index];
            Assert.Equal(
                bench.Gradients.AsSpan<float>(bucket.Offset, (int)bucket.Length).ToArray(),
                content);
            Assert.Equal(Environment.CurrentManagedThreadId, thread);
            Assert.DoesNotContain(content, float.IsNaN);
        }
        Assert.All(bench.Gradients.AsSpan<float>()[^14..].ToArray(), own => Assert.Equal(42, own));
    }

    /// <summary>
    /// What a callback throws reaches the caller, once, and the model goes on working.
    /// </summary>
    [Fact]
    public void WhatACallbackThrowsComesOut()
    {
        using var bench = new Bench(Networks.Course, bucketBytes: 1);
        var calls = 0;
        var failure = Assert.Throws<InvalidTimeZoneException>(() => bench.Step(bucketReady: _ =>
        {
            calls++;
            throw new InvalidTimeZoneException("from the callback");
        }));
        Assert.Equal("from the callback", failure.Message);
        Assert.Equal(1, calls);
        bench.Step(bucketReady: _ => calls++);
        Assert.Equal(1 + bench.Model.Buckets.Count, calls);
    }

    /// <summary>
    /// An empty shard adds nothing to the sum and still lets every bucket go out.
    /// </summary>
    [Fact]
    public void AnEmptyShardGivesZeros()
    {
        using var bench = new Bench(Networks.EveryLayer, samples: 0, bucketBytes: 1);
        bench.Gradients.AsSpan<float>().Fill(float.NaN);
        var calls = 0;
        var result = bench.Step(bucketReady: _ => calls++);
        Assert.Equal(new ShardResult(0, 0), result);
        Assert.Equal(bench.Model.Buckets.Count, calls);
        Assert.All(bench.Gradients.AsSpan<float>()[..^14].ToArray(), x => Assert.Equal(0, x));
    }

    private static int BucketOf(TorchModel model, long offset) => model.Buckets
        .Select((bucket, index) => (bucket, index))
        .Single(entry => offset >= entry.bucket.Offset
            && offset < entry.bucket.Offset + entry.bucket.Length).index;
}
