using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Data;
using Distributed.Training.Models;

namespace Distributed.Training.Tests.Models;

/// <summary>
/// Goal: parameters start from PyTorch's distributions and the same seed starts the same run
/// everywhere. Method: moments and bounds against the formulas, and golden bits.
/// </summary>
public sealed class ParameterInitializationTests
{
    private static readonly Network Course = Network.Resolve(
        ModelPresets.Get("course-cnn", null)!, new ImageShape(1, 28, 28), 10);

    private static readonly Network ResNet = Network.Resolve(
        ModelPresets.Get("resnet18", null)!, new ImageShape(3, 32, 32), 10);

    private static float[] Draw(Network network, string name, ulong seed = 1)
    {
        var tensor = network.Parameters.Concat(network.Statistics).Single(t => t.Name == name);
        var values = new float[tensor.Length];
        ParameterInitialization.FillTensor(network, name, seed, values);
        return values;
    }

    [Theory]
    [InlineData("conv2.weight", 16 * 25)]
    [InlineData("conv2.bias", 16 * 25)]
    [InlineData("fc1.weight", 1764)]
    [InlineData("fc1.bias", 1764)]
    public void Weights_and_biases_are_uniform_within_one_over_root_fan_in(string name, int fanIn)
    {
        var values = Draw(Course, name);
        var bound = 1 / Math.Sqrt(fanIn);
        Assert.All(values, value => Assert.InRange(value, -bound, bound));
        Assert.InRange(values.Max(), bound * 0.8, bound);
        Assert.InRange(values.Min(), -bound, -bound * 0.8);
        if (values.Length > 1000)
        {
            Assert.InRange(values.Average() / bound, -0.02, 0.02);
            var variance = values.Average(value => value * value) / (bound * bound);
            Assert.InRange(variance, 0.32, 0.35);
        }
    }

    [Fact]
    public void Resnets_convolutions_are_normal_by_fan_out()
    {
        var values = Draw(ResNet, "layer3.0.conv1.weight");
        var deviation = Math.Sqrt(2.0 / (256 * 9));
        Assert.InRange(values.Average() / deviation, -0.01, 0.01);
        Assert.InRange(values.Average(v => (double)v * v) / (deviation * deviation), 0.99, 1.01);
        // The share beyond two deviations tells a normal distribution from a uniform one.
        var beyond = values.Count(v => Math.Abs(v) > 2 * deviation) / (double)values.Length;
        Assert.InRange(beyond, 0.043, 0.048);
        Assert.All(Draw(ResNet, "bn1.weight"), value => Assert.Equal(1, value));
        Assert.All(Draw(ResNet, "bn1.bias"), value => Assert.Equal(0, value));
        Assert.All(Draw(ResNet, "bn1.running_mean"), value => Assert.Equal(0, value));
        Assert.All(Draw(ResNet, "bn1.running_var"), value => Assert.Equal(1, value));
    }

    [Fact]
    public void Dirac_filters_hand_their_inputs_on()
    {
        var network = Network.Resolve(
            Course.Model with { Initialization = InitializationKind.Dirac }, Course.Input, 10);
        var filters = Draw(network, "conv2.weight");
        var others = Draw(Course, "conv2.weight");
        for (var index = 0; index < filters.Length; index++)
        {
            var (filter, rest) = Math.DivRem(index, 16 * 25);
            var (input, place) = Math.DivRem(rest, 25);
            var expected = filter >= 16 ? others[index] : input == filter && place == 12 ? 1 : 0;
            Assert.Equal(expected, filters[index]);
        }
        Assert.Equal(Draw(Course, "fc1.weight"), Draw(network, "fc1.weight"));
    }

    [Fact]
    public void Values_depend_on_seed_and_name_alone()
    {
        Assert.Equal(Draw(Course, "fc1.weight"), Draw(Course, "fc1.weight"));
        Assert.NotEqual(Draw(Course, "fc1.weight"), Draw(Course, "fc1.weight", seed: 2));
        Assert.NotEqual(Draw(Course, "fc1.bias")[..10], Draw(Course, "fc2.bias")[..10]);
        // A wider first layer leaves the other layers' draws as they were.
        var wide = Network.Resolve(
            Course.Model with
            {
                Layers = [new ConvLayer("conv1", 32, 5), .. Course.Model.Layers.Skip(1)],
            },
            Course.Input, 10);
        Assert.Equal(Draw(Course, "fc1.weight"), Draw(wide, "fc1.weight"));
    }

    [Fact]
    public void Fill_follows_the_engines_layout()
    {
        var offset = 16L;
        var layout = new List<TensorInfo>();
        foreach (var tensor in Course.Parameters)
        {
            layout.Add(new TensorInfo(tensor.Name, tensor.Shape, offset, tensor.Length));
            offset += (tensor.Length + 15) / 16 * 16;
        }
        var parameters = new float[offset];
        ParameterInitialization.Fill(Course, layout, 1, parameters);
        Assert.All(parameters[..16], value => Assert.Equal(0, value));
        var place = layout.Single(info => info.Name == "fc2.weight");
        Assert.Equal(
            Draw(Course, "fc2.weight"),
            parameters.AsSpan((int)place.Offset, (int)place.Length).ToArray());
        Assert.Throws<InvariantException>(
            () => ParameterInitialization.Fill(Course, layout[1..], 1, new float[offset]));
    }

    [Fact]
    public void The_first_values_never_change()
    {
        uint[] bits(Network network, string name) =>
            [.. Draw(network, name)[..3].Select(BitConverter.SingleToUInt32Bits)];
        Assert.Equal(GoldenUniform, bits(Course, "conv1.weight"));
        Assert.Equal(GoldenNormal, bits(ResNet, "conv1.weight"));
    }

    // From a second implementation of the generator and the formulas, in another language.
    private static readonly uint[] GoldenUniform = [3192155792, 3188942571, 1040721056];
    private static readonly uint[] GoldenNormal = [3171076353, 1019549142, 3173549892];
}
