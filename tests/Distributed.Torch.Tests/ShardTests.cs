using FsCheck;
using FsCheck.Xunit;

namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: a shard's result is a pure function of its inputs, scaled as asked, and bad inputs are
/// errors that name what is wrong.
/// </summary>
public sealed class ShardTests
{
    /// <summary>Two models, built apart, give the same bits; so does each of them again.</summary>
    [Theory]
    [InlineData(Networks.Course)]
    [InlineData(Networks.EveryLayer)]
    [InlineData(Networks.NormAndDropout)]
    public void SameInputsGiveTheSameBits(string network)
    {
        using var one = new Bench(network, samples: 16, bucketBytes: 1);
        using var other = new Bench(network, samples: 16);
        one.Step(dropoutSeed: 3);
        var first = one.Gradients.AsSpan<byte>().ToArray();
        one.Step(dropoutSeed: 4);
        one.Step(dropoutSeed: 3);
        Assert.Equal(first, one.Gradients.AsSpan<byte>().ToArray());
        other.Step(dropoutSeed: 3);
        Assert.Equal(first, other.Gradients.AsSpan<byte>().ToArray());
    }

    /// <summary>
    /// A power of two scales gradients and loss exactly, and leaves statistics alone.
    /// </summary>
    [Fact]
    public void LossScaleScales()
    {
        using var bench = new Bench(Networks.EveryLayer);
        var length = (int)bench.Model.ParameterLength;
        var trailer = (int)(bench.Model.GradientLength - TorchModel.TrailerLength);
        var result = bench.Step(lossScale: 1);
        var plain = bench.Gradients.AsSpan<float>().ToArray();
        Assert.Equal((float)result.LossSum, plain[trailer]);
        Assert.Equal(result.Correct, plain[trailer + 1]);
        Assert.Equal(result, bench.Step(lossScale: 0.25));
        var scaled = bench.Gradients.AsSpan<float>().ToArray();
        Assert.Equal(plain[..length].Select(x => x / 4), scaled[..length]);
        Assert.Equal(plain[length..trailer], scaled[length..trailer]);
        Assert.Equal(plain[trailer] / 4, scaled[trailer]);
        Assert.Equal(plain[trailer + 1], scaled[trailer + 1]);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(10)]
    [InlineData(int.MaxValue)]
    public void ALabelOutOfRangeIsNamed(int label)
    {
        using var bench = new Bench(Networks.Course);
        bench.Labels[2] = label;
        var failure = Assert.Throws<TorchException>(() => bench.Step());
        Assert.Equal(TorchErrorCode.InvalidArgument, failure.Code);
        Assert.Equal($"label {label} of sample 2 is outside 0..9", failure.Message);
        Assert.Equal(failure.Message, Assert.Throws<TorchException>(
            () => bench.Model.Evaluate(bench.Images, bench.Labels, [])).Message);
    }

    /// <summary>
    /// NaN and infinity travel to the loss, where the caller looks; nothing crashes.
    /// </summary>
    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void WhatIsNotANumberReachesTheLoss(float pixel)
    {
        using var bench = new Bench(Networks.EveryLayer);
        bench.Images.AsSpan().Fill(pixel);
        Assert.False(double.IsFinite(bench.Step().LossSum));
        using var course = new Bench(Networks.Course);
        course.Images.AsSpan().Fill(float.NaN);
        Assert.True(double.IsNaN(course.Step().LossSum));
    }

    [Fact]
    public void BuffersThatDoNotFitAreRefused()
    {
        using var bench = new Bench(Networks.Course);
        using var small = new NativeBuffer(64);
        Assert.Throws<ArgumentException>(() => bench.Model.ForwardBackward(
            bench.Images, bench.Labels, 0, 1, 1, small, null));
        Assert.Throws<ArgumentException>(() => bench.Model.ForwardBackward(
            bench.Images.AsSpan(1), bench.Labels, 0, 1, 1, bench.Gradients, null));
        var failure = Assert.Throws<TorchException>(() => bench.Model.Bind(small, small));
        Assert.Contains("the network needs", failure.Message, StringComparison.Ordinal);
        using var unbound = TorchModel.Create(Networks.Course);
        failure = Assert.Throws<TorchException>(() => unbound.ForwardBackward(
            bench.Images, bench.Labels, 0, 1, 1, bench.Gradients, null));
        Assert.Contains("bind", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>A step allocates nothing on the managed heap, callbacks included.</summary>
    [Fact]
    public void AStepAllocatesNothingManaged()
    {
        using var bench = new Bench(Networks.NormAndDropout, bucketBytes: 1);
        var calls = 0;
        Action<int> count = _ => calls++;
        for (var warm = 0; warm < 50; warm++)
            bench.Step(bucketReady: count);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var step = 0; step < 20; step++)
            bench.Step(bucketReady: count);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(calls >= 70);
    }

    /// <summary>
    /// The loss against its definition: -Σ target · log softmax, target smoothed, for drawn logits
    /// that a linear layer without input passes through as its bias.
    /// </summary>
    [Property(MaxTest = 50)]
    public void LossIsItsDefinition(PositiveInt seed, byte smoothingPercent)
    {
        var smoothing = smoothingPercent % 100 / 100.0;
        using var bench = new Bench($"""
            input channels=1 height=1 width=1
            linear name=fc in=1 out=7
            loss smoothing={smoothing}
            """, samples: 1, ElementType.Float64, seed.Get);
        bench.Images[0] = 0;
        var bias = bench.Model.Parameters[1];
        var logits = bench.ReadAll(bench.Parameters, bias.Offset, bias.Length);
        var logTotal = Math.Log(logits.Sum(Math.Exp));
        var expected = logits.Select((logit, index) => -(logit - logTotal)
            * ((index == bench.Labels[0] ? 1 - smoothing : 0) + smoothing / 7)).Sum();
        Assert.Equal(expected, bench.Step().LossSum, 1e-12);
    }
}
