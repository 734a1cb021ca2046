using Xunit.Abstractions;

namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: the planned step, which is fast, computes what autograd computes, and its bits depend on
/// the shards alone: not on how many of them a call takes, nor on the number of threads. Method: in
/// double every network goes through autograd, which the other tests compare with PyTorch, so the
/// same network in double is the reference for the plan in float.
/// </summary>
public sealed class PlannedStepTests(ITestOutputHelper output)
{
    /// <summary>Convolutions side by side, and dropout before and after a flatten.</summary>
    private const string Dropped = """
        input channels=2 height=14 width=14
        conv name=conv1 in=2 out=20 kernel=3 stride=1 padding=0 groups=1 bias=1
        relu
        conv name=conv2 in=20 out=36 kernel=3 stride=1 padding=0 groups=1 bias=1
        relu
        maxpool kernel=2 stride=2 padding=0
        dropout p=0.25
        flatten
        linear name=fc1 in=900 out=50 bias=1
        relu
        dropout p=0.5
        linear name=fc2 in=50 out=10 bias=1
        loss smoothing=0.1
        """;

    /// <summary>
    /// Batch norm before a ReLU and before a pool; a dropout among images. No bias comes before a
    /// batch norm, which would leave of its gradient nothing but rounding.
    /// </summary>
    private const string Normalized = """
        input channels=3 height=16 width=16
        conv name=conv1 in=3 out=16 kernel=3 stride=1 padding=1 groups=1 bias=0
        batchnorm name=bn1 channels=16 eps=1e-05 momentum=0.1
        relu
        conv name=conv2 in=16 out=24 kernel=3 stride=1 padding=1 groups=1 bias=0
        batchnorm name=bn2 channels=24 eps=1e-05 momentum=0.1
        relu
        maxpool kernel=2 stride=2 padding=0
        dropout p=0.2
        conv name=conv3 in=24 out=33 kernel=3 stride=1 padding=1 groups=1 bias=0
        batchnorm name=bn3 channels=33 eps=1e-05 momentum=0.1
        globalavgpool
        flatten
        linear name=fc in=33 out=7 bias=0
        """;

    /// <summary>Sizes that no register and no pool divides.</summary>
    private const string Odd = """
        input channels=1 height=17 width=13
        relu
        conv name=conv1 in=1 out=5 kernel=4 stride=1 padding=2 groups=1 bias=1
        maxpool kernel=2 stride=2 padding=0
        conv name=conv2 in=5 out=18 kernel=3 stride=1 padding=2 groups=1 bias=1
        relu
        conv name=conv3 in=18 out=17 kernel=2 stride=1 padding=0 groups=1 bias=0
        maxpool kernel=3 stride=3 padding=0
        relu
        conv name=conv4 in=17 out=130 kernel=1 stride=1 padding=0 groups=1 bias=1
        relu
        dropout p=0.3
        relu
        flatten
        linear name=fc1 in=780 out=135 bias=0
        batchnorm name=bn1 channels=135 eps=1e-05 momentum=0.1
        relu
        linear name=fc2 in=135 out=3 bias=1
        """;

    public static TheoryData<string> Planned() => [Networks.Course, Dropped, Normalized, Odd];

    [Theory]
    [MemberData(nameof(Planned))]
    public void GradientsAreThoseOfAutograd(string network)
    {
        using var plan = new Bench(network, samples: 9, ElementType.Float32, seed: 3);
        using var exact = new Bench(network, samples: 9, ElementType.Float64, seed: 3);
        Assert.Equal((8, 1), (plan.Model.ShardsMax, exact.Model.ShardsMax));
        foreach (var tensor in plan.Model.Parameters)
        {
            for (var i = tensor.Offset; i < tensor.Offset + tensor.Length; i++)
                exact.Write(exact.Parameters, i, plan.Read(plan.Parameters, i));
        }
        var actual = plan.Step(lossScale: 0.5, statisticsWeight: 0.25);
        var expected = exact.Step(lossScale: 0.5, statisticsWeight: 0.25);
        Assert.Equal(expected.LossSum, actual.LossSum, 1e-5 * expected.LossSum);
        Assert.Equal(expected.Correct, actual.Correct);
        var length = (int)plan.Model.GradientLength;
        var (whole, reference) = (
            plan.ReadAll(plan.Gradients, 0, length), exact.ReadAll(exact.Gradients, 0, length));
        RequireClose("whole gradient", reference, whole, 3e-6);
        foreach (var tensor in plan.Model.Parameters)
        {
            RequireClose(
                tensor.Name, Part(reference, tensor, 0), Part(whole, tensor, 0), 3e-5);
        }
        foreach (var tensor in plan.Model.Statistics)
        {
            var start = plan.Model.ParameterLength;
            RequireClose(
                tensor.Name, Part(reference, tensor, start), Part(whole, tensor, start), 3e-6);
        }
    }

    /// <summary>
    /// Eight shards, of unequal sizes and one of them empty, in calls of 1, 2, 4 and 8, added two
    /// by two: the same bits, and the same again from three threads.
    /// </summary>
    [Theory]
    [MemberData(nameof(Planned))]
    public void BitsDoNotDependOnHowManyShardsACallTakes(string network)
    {
        long[] counts = [5, 4, 5, 0, 5, 4, 1, 5];
        using var bench = new Bench(network, samples: (int)counts.Sum());
        var alone = Sum(bench, counts, 1);
        foreach (var atOnce in new[] { 2, 4, 8 })
            Assert.Equal(alone, Sum(bench, counts, atOnce));
        TorchLibrary.Initialize(threadCount: 3);
        try
        {
            Assert.Equal(alone, Sum(bench, counts, 1));
            Assert.Equal(alone, Sum(bench, counts, 8));
        }
        finally
        {
            TorchLibrary.Initialize(threadCount: 1);
        }
    }

    [Fact]
    public void ShardsThatAreNoSubtreeAreRefused()
    {
        using var bench = new Bench(Networks.Course, samples: 3);
        var shards = new ModelShard[] { new(1, 0, 1), new(1, 0, 1), new(1, 0, 1) };
        var failure = Assert.Throws<TorchException>(() => bench.Model.ForwardBackward(
            bench.Images, bench.Labels, shards, 1, bench.Gradients, null));
        Assert.Equal(
            "3 shards in one call; expected a power of two up to 8", failure.Message);
        Assert.Throws<ArgumentException>(() => bench.Model.ForwardBackward(
            bench.Images, bench.Labels, shards.AsSpan(0, 2), 1, bench.Gradients, null));
        using var general = new Bench(Networks.EveryLayer, samples: 2);
        failure = Assert.Throws<TorchException>(() => general.Model.ForwardBackward(
            general.Images, general.Labels, shards.AsSpan(0, 2), 1, general.Gradients, null));
        Assert.Equal(
            "2 shards in one call; expected a power of two up to 1", failure.Message);
    }

    /// <summary>Images of 256 x 256 with 64 channels: 32 MB a sample, 512 MB a shard.</summary>
    [Fact]
    public void LargeImagesAreTakenAShardAtATime()
    {
        TorchLibrary.Initialize(threadCount: 1);
        using var model = TorchModel.Create("""
            input channels=3 height=256 width=256
            conv name=conv1 in=3 out=64 kernel=3 stride=1 padding=1 groups=1 bias=1
            relu
            globalavgpool
            flatten
            linear name=fc in=64 out=10 bias=1
            loss smoothing=0
            """);
        Assert.Equal(1, model.ShardsMax);
    }

    /// <summary>A call of many samples after one of few finds room, and leaves no trace.</summary>
    [Fact]
    public void SizesMayChangeFromCallToCall()
    {
        using var bench = new Bench(Normalized, samples: 12);
        using var other = new Bench(Normalized, samples: 12);
        bench.Step();
        bench.Model.ForwardBackward(
            bench.Images.AsSpan(0, 2 * bench.Model.ImageLength), bench.Labels.AsSpan(0, 2), 1, 1,
            1, bench.Gradients, null);
        other.Model.ForwardBackward(
            other.Images.AsSpan(0, 2 * other.Model.ImageLength), other.Labels.AsSpan(0, 2), 1, 1,
            1, other.Gradients, null);
        Assert.Equal(other.Gradients.AsSpan<float>(), bench.Gradients.AsSpan<float>());
        other.Step();
        bench.Step();
        Assert.Equal(other.Gradients.AsSpan<float>(), bench.Gradients.AsSpan<float>());
    }

    /// <summary>The shards' gradients in calls of so many, then added along the tree.</summary>
    private static float[] Sum(Bench bench, long[] counts, int atOnce)
    {
        var sums = new List<float[]>();
        var first = 0;
        for (var shard = 0; shard < counts.Length; shard += atOnce)
        {
            var shards = new ModelShard[atOnce];
            for (var i = 0; i < atOnce; i++)
            {
                var count = counts[shard + i];
                shards[i] = new ModelShard(count, (ulong)(shard + i), count / 32.0);
            }
            var samples = (int)shards.Sum(part => part.Count);
            var length = bench.Model.ImageLength;
            bench.Gradients.AsSpan<float>().Clear();
            bench.Model.ForwardBackward(
                bench.Images.AsSpan(first * length, samples * length),
                bench.Labels.AsSpan(first, samples), shards, 1 / 32.0, bench.Gradients, null);
            sums.Add(bench.Gradients.AsSpan<float>().ToArray());
            first += samples;
        }
        while (sums.Count > 1)
        {
            sums = [.. sums.Chunk(2).Select(pair =>
                pair[0].Zip(pair[1], (left, right) => left + right).ToArray())];
        }
        return sums[0];
    }

    private static double[] Part(double[] values, TensorInfo tensor, long start) =>
        values[(int)(start + tensor.Offset)..(int)(start + tensor.Offset + tensor.Length)];

    private void RequireClose(string name, double[] expected, double[] actual, double tolerance)
    {
        var difference = Norm(expected.Zip(actual, (a, b) => a - b));
        var relative = difference / Norm(expected);
        output.WriteLine($"{name}: relative difference {relative:E1}");
        Assert.True(relative <= tolerance, $"{name}: relative difference {relative:E2}");
    }

    private static double Norm(IEnumerable<double> values) =>
        Math.Sqrt(values.Sum(value => value * value));
}
