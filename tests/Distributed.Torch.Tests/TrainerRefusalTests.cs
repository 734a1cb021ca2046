namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: what cannot be done is refused by name, and before anything has changed.
/// </summary>
public sealed class TrainerRefusalTests
{
    private static readonly NativeMethods.NativeTrainerSettings s_settings = new()
    {
        Precision = (int)Precision.Single,
        ShardsMax = 2,
        ShardSamplesMax = 4,
        BucketBytes = 1024,
    };

    [Theory]
    [InlineData(-1)]
    [InlineData(24)]
    [InlineData(int.MaxValue)]
    public void AnImageThatTheSetDoesNotHave(int index)
    {
        using var bench = Bench();
        var before = bench.Compute(TrainerBench.Plain(0, 1), One(2));
        var samples = TrainerBench.Plain(0, index);
        var expected = $"sample 1 of the batch is image {index} of the set; expected 0..23";
        Assert.Equal(expected, Failure(() => bench.Compute(samples, One(2))));
        Assert.Equal(expected, Failure(() => bench.Step(samples, One(2), Update(1))));
        Assert.Equal(expected, Failure(() => bench.Evaluate(samples)));
        Assert.Equal(before, bench.HostGradients());
    }

    [Fact]
    public void ALabelOutOfRange()
    {
        using var bench = Bench();
        bench.Labels[5] = 10;
        Assert.Equal("label 10 of sample 5 is outside 0..9", Failure(
            () => bench.Load(TrainerBench.Train, bench.Images, bench.Labels)));
        Assert.Equal("unknown set 2", Failure(
            () => bench.Load(2, bench.Images, bench.Labels)));
    }

    [Theory]
    [InlineData(3, 1, "3 shards in one call; expected a power of two up to 2")]
    [InlineData(4, 1, "4 shards in one call; expected a power of two up to 2")]
    [InlineData(0, 1, "0 shards in one call; expected a power of two up to 2")]
    [InlineData(2, 5, "shard 0 has 5 samples; expected up to 4")]
    [InlineData(1, -1, "shard 0 has -1 samples; expected up to 4")]
    public void ShardsThatDoNotFit(int shards, int samples, string expected)
    {
        using var bench = Bench();
        var call = Enumerable.Repeat(new ModelShard(samples, 1, 1), shards).ToArray();
        var drawn = TrainerBench.Plain(Enumerable.Repeat(0, Math.Max(shards * samples, 1)));
        Assert.Equal(expected, Failure(() => bench.Compute(drawn, call)));
        Assert.Equal(expected, Failure(() => bench.Step(drawn, call, Update(1))));
    }

    [Fact]
    public void MoreSamplesThanACallOfEvaluateTakes()
    {
        using var bench = Bench();
        Assert.Equal("5 samples in one call; expected up to 4", Failure(
            () => bench.Evaluate(TrainerBench.Plain(0, 1, 2, 3, 4))));
    }

    [Fact]
    public void PartsAndLengthsThatAreNotThere()
    {
        using var bench = Bench();
        var length = bench.Reference.Model.ParameterLength;
        Assert.Equal($"part 0 has {length} elements; room for 7 was given",
            Failure(() => bench.Read(TrainerBench.Parameters, 7)));
        Assert.Equal($"part 0 has {length} elements; room for 7 was given",
            Failure(() => bench.Write(TrainerBench.Parameters, new double[7])));
        Assert.Equal("unknown part 3; expected -1..2", Failure(() => bench.Read(3)));
        Assert.Equal("unknown part -2; expected -1..2", Failure(() => bench.Read(-2)));
        Assert.Equal("gradients are only read", Failure(
            () => bench.Write(TrainerBench.Gradients, new double[length])));
    }

    [Fact]
    public void UpdatesThatCannotBe()
    {
        using var bench = Bench(hasOptimizer: false);
        bench.Compute(TrainerBench.Plain(0), One(1));
        const string none = "the trainer has no optimizer; set one first";
        Assert.Equal(none, Failure(() => bench.Update(Update(1))));
        Assert.Equal(none, Failure(() => bench.Step(TrainerBench.Plain(0), One(1), Update(1))));
        bench.SetOptimizer();
        var before = bench.Read(TrainerBench.Parameters);
        Assert.Equal("the optimizer's step is 0; the first step is 1",
            Failure(() => bench.Update(Update(0))));
        Assert.Equal("an update with lookahead, for which the optimizer has no slow copy",
            Failure(() => bench.Update(Update(1) with { LookaheadShare = 0.5 })));
        Assert.Equal(before, bench.Read(TrainerBench.Parameters));
    }

    [Fact]
    public void SettingsThatCannotBe()
    {
        Refused(s_settings with { Precision = 3 }, "unknown precision 3");
        Refused(s_settings with { ShardsMax = 3 }, "3 shards at most; expected a power of two");
        Refused(s_settings with { ShardSamplesMax = 0 },
            "0 samples at most in a shard; expected 1 or more");
        Refused(s_settings with { BucketBytes = 0 }, "a bucket of 0 bytes; expected 1 or more");
    }

    private static void Refused(NativeMethods.NativeTrainerSettings settings, string expected)
    {
        var before = TorchLibrary.LiveHandles;
        Assert.Equal(expected, Failure(
            () => TrainerBench.Create(Networks.Course, settings, out _).ToString()));
        Assert.Equal(before, TorchLibrary.LiveHandles);
    }

    private static TrainerBench Bench(bool hasOptimizer = true)
    {
        var bench = new TrainerBench(
            Networks.Course, Precision.Single, shardsMax: 2, samplesMax: 4);
        if (hasOptimizer)
            bench.SetOptimizer();
        return bench;
    }

    private static ModelShard[] One(long count) => [new(count, 1, 1)];

    private static NativeMethods.NativeUpdate Update(long step) =>
        new() { LearningRate = 0.1, Step = step };

    private static string Failure(Action action)
    {
        var failure = Assert.Throws<TorchException>(action);
        Assert.Equal(TorchErrorCode.InvalidArgument, failure.Code);
        return failure.Message;
    }
}
