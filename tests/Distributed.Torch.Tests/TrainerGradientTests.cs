using Distributed.Training.Data;
using Distributed.Training.Models;

namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: the trainer computes what the model does. In double it is compared to the model in double,
/// which its own tests check against PyTorch; the other precisions are compared to that.
/// </summary>
public sealed class TrainerGradientTests
{
    private static readonly Dictionary<string, string> s_networks = new()
    {
        ["course"] = Networks.Course,
        ["every layer"] = Networks.EveryLayer,
        ["scaled"] = Networks.Scaled,
        ["norm and dropout"] = Networks.NormAndDropout,
        ["mnist-cnn"] = Preset("mnist-cnn", new ImageShape(1, 28, 28)),
        ["resnet18"] = Preset("resnet18", new ImageShape(3, 32, 32)),
        ["airbench94"] = Preset("airbench94", new ImageShape(3, 32, 32)),
    };

    [Theory]
    [InlineData("course")]
    [InlineData("every layer")]
    [InlineData("scaled")]
    [InlineData("norm and dropout")]
    [InlineData("mnist-cnn")]
    [InlineData("resnet18")]
    [InlineData("airbench94")]
    public void InDoubleGradientsAreTheModels(string network)
    {
        using var bench = new TrainerBench(s_networks[network]);
        var samples = TrainerBench.Plain(3, 1, 4, 1);
        var shard = new ModelShard(samples.Length, 11, 0.75);
        var expected = bench.ReferenceGradients(samples, shard, lossScale: 0.125);
        var actual = bench.Compute(samples, new Span<ModelShard>(ref shard), lossScale: 0.125);
        AssertTensorsClose(bench, expected, actual, 1e-11);
        var trailer = expected.Length - TorchModel.TrailerLength;
        Assert.Equal(expected[trailer], actual[trailer], 1e-12);
        Assert.Equal(expected[trailer], shard.LossSum * 0.125, 1e-12);
        Assert.Equal(expected[trailer + 1], shard.Correct);
    }

    /// <summary>
    /// Relative to a tensor's norm: single has 24 bits of a mantissa and bfloat16 8; errors add up
    /// over layers, and where two are nearly equal a maximum is taken from the other place. How
    /// much differs between versions of libtorch, whose convolutions add in another order.
    /// </summary>
    [Theory]
    [InlineData("course", Precision.Single, 1e-4)]
    [InlineData("every layer", Precision.Single, 1e-4)]
    [InlineData("scaled", Precision.Single, 1e-4)]
    [InlineData("norm and dropout", Precision.Single, 1e-3)]
    [InlineData("airbench94", Precision.Single, 1e-3)]
    [InlineData("course", Precision.Bfloat16, 0.2)]
    [InlineData("every layer", Precision.Bfloat16, 0.25)]
    [InlineData("scaled", Precision.Bfloat16, 0.25)]
    public void LessPrecisionIsClose(string network, Precision precision, double bound)
    {
        using var bench = new TrainerBench(s_networks[network], precision);
        var samples = TrainerBench.Plain(Enumerable.Range(0, 16));
        var shard = new ModelShard(samples.Length, 11, 1);
        var expected = bench.ReferenceGradients(samples, shard);
        var actual = bench.Compute(samples, new Span<ModelShard>(ref shard));
        AssertTensorsClose(bench, expected, actual, bound);
    }

    [Theory]
    [InlineData("every layer")]
    [InlineData("norm and dropout")]
    public void InDoubleEvaluationIsTheModels(string network)
    {
        using var bench = new TrainerBench(s_networks[network]);
        var samples = TrainerBench.Plain(Enumerable.Range(0, 9));
        var pixels = new float[samples.Length * bench.Shape.Length];
        bench.Normalizer.Write(bench.Images.AsSpan(0, pixels.Length), pixels);
        var expected = new float[samples.Length * bench.Reference.Model.Classes];
        var loss = bench.Reference.Model.Evaluate(
            pixels, bench.Labels.AsSpan(0, samples.Length), expected);
        var (logits, lossSum, correct) = bench.Evaluate(samples);
        Assert.Equal(loss.LossSum, lossSum, 1e-9);
        Assert.Equal(loss.Correct, correct);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], logits[i], 1e-6f);
    }

    internal static string Preset(string name, ImageShape shape) => EngineText.Write(
        Network.Resolve(ModelPresets.Get(name, shape)!, shape, classes: 10), labelSmoothing: 0.1);

    private static void AssertTensorsClose(
        TrainerBench bench, double[] expected, double[] actual, double bound)
    {
        var model = bench.Reference.Model;
        foreach (var tensor in model.Parameters)
            AssertClose(tensor.Name, tensor.Offset, tensor.Length, expected, actual, bound);
        foreach (var tensor in model.Statistics)
        {
            AssertClose(tensor.Name, model.ParameterLength + tensor.Offset, tensor.Length,
                expected, actual, bound);
        }
    }

    private static void AssertClose(
        string name, long offset, long length, double[] expected, double[] actual, double bound)
    {
        var wanted = expected.AsSpan((int)offset, (int)length).ToArray();
        var found = actual.AsSpan((int)offset, (int)length).ToArray();
        // Gradients that cancel, as those of a bias before a batch norm, are noise around 0.
        var size = Math.Max(Norm(wanted), 0.02);
        var error = Norm(wanted.Zip(found, (x, y) => x - y)) / size;
        Assert.True(error <= bound, $"{name}: {error:g3} of {bound:g3}");
    }

    private static double Norm(IEnumerable<double> values) => Math.Sqrt(values.Sum(x => x * x));
}
