using Distributed.Training.Data;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Training.Tests.Models;

/// <summary>
/// Goal: the presets are the networks they are named after. Method: known parameter counts, names
/// and shapes, worked out by hand or published.
/// </summary>
public sealed class NetworkTests
{
    private static readonly ImageShape Gray = new(1, 28, 28);
    private static readonly ImageShape Color = new(3, 32, 32);

    private static Network Preset(string name, ImageShape image, int classes = 10) =>
        Network.Resolve(ModelPresets.Get(name, image)!, image, classes);

    [Fact]
    public void Presets_have_the_parameters_that_are_known_of_them()
    {
        Assert.Equal(416 + 14_436 + 225_920 + 1_290, Preset("course-cnn", Gray).ParameterCount);
        Assert.Equal(1_199_882, Preset("mnist-cnn", Gray).ParameterCount);
        Assert.Equal(11_173_962, Preset("resnet18", Color).ParameterCount);
        Assert.Equal(
            11_689_512, Preset("resnet18", new ImageShape(3, 224, 224), 1000).ParameterCount);
        Assert.Equal(
            (27 * 32) + (9 * ((32 * 32) + (32 * 64) + (64 * 64) + (64 * 128) + (128 * 128)))
                + (2 * 2 * (32 + 64 + 128)) + (2048 * 10) + 10,
            Preset("cifar-cnn", Color).ParameterCount);
    }

    /// <summary>
    /// Published as 1.97 million: whitening with biases, six convolutions, the biases of six batch
    /// norms, and a linear layer of the 256 channels that are left.
    /// </summary>
    [Theory]
    [InlineData("airbench94")]
    [InlineData("airbench94-muon")]
    public void Airbench_has_the_parameters_that_are_known_of_it(string preset)
    {
        const int whitening = (24 * 12) + 24;
        const int convolutions = 9 * ((24 * 64) + (64 * 64) + (64 * 256) + (3 * 256 * 256));
        const int norms = (2 * 64) + (4 * 256);
        Assert.Equal(
            whitening + convolutions + norms + (256 * 10), Preset(preset, Color).ParameterCount);
        Assert.Equal(1_971_640, Preset(preset, Color).ParameterCount);
    }

    [Fact]
    public void Flops_count_a_multiply_add_as_two()
    {
        var expected = 2 * ((28 * 28 * 16 * 25) + (14 * 14 * 36 * 16 * 25) + (1764 * 128) + 1280);
        Assert.Equal(expected, Preset("course-cnn", Gray).FlopsPerImage);
        Assert.Equal(
            2 * ((26 * 26 * 32 * 9) + (24 * 24 * 64 * 32 * 9) + (9216 * 128) + 1280),
            Preset("mnist-cnn", Gray).FlopsPerImage);
        // The published 1.82 billion multiply-adds of ResNet-18 at 224 pixels.
        var large = Preset("resnet18", new ImageShape(3, 224, 224), 1000);
        Assert.InRange(large.FlopsPerImage / 2e9, 1.80, 1.83);
    }

    [Fact]
    public void Resnet_has_torchvisions_names()
    {
        var network = Preset("resnet18", Color);
        var shapes = network.Parameters.Concat(network.Statistics)
            .ToDictionary(tensor => tensor.Name, tensor => tensor.Shape);
        Assert.Equal(62, network.Parameters.Count);
        Assert.Equal(40, network.Statistics.Count);
        Assert.Equal([64, 3, 3, 3], shapes["conv1.weight"]);
        Assert.Equal([64], shapes["layer1.0.bn2.running_var"]);
        Assert.Equal([128, 64, 1, 1], shapes["layer2.0.downsample.0.weight"]);
        Assert.Equal([128], shapes["layer2.0.downsample.1.running_mean"]);
        Assert.Equal([512, 512, 3, 3], shapes["layer4.1.conv2.weight"]);
        Assert.Equal([10, 512], shapes["fc.weight"]);
        Assert.False(shapes.ContainsKey("layer1.0.downsample.0.weight"));
    }

    [Fact]
    public void The_engines_text_of_the_course_network()
    {
        const string expected = """
            input channels=1 height=28 width=28
            conv name=conv1 in=1 out=16 kernel=5 stride=1 padding=2 groups=1 bias=1
            maxpool kernel=2 stride=2 padding=0
            relu
            conv name=conv2 in=16 out=36 kernel=5 stride=1 padding=2 groups=1 bias=1
            maxpool kernel=2 stride=2 padding=0
            relu
            flatten
            linear name=fc1 in=1764 out=128 bias=1
            relu
            linear name=fc2 in=128 out=10 bias=1
            loss smoothing=0.1

            """;
        Assert.Equal(
            expected.ReplaceLineEndings("\n"), Preset("course-cnn", Gray).ToEngineText(0.1));
    }

    [Fact]
    public void The_engines_text_of_a_residual_block()
    {
        var text = Preset("resnet18", Color).ToEngineText(0);
        const string expected = """
            residual name=layer2.0
            conv name=layer2.0.conv1 in=64 out=128 kernel=3 stride=2 padding=1 groups=1 bias=0
            batchnorm name=layer2.0.bn1 channels=128 eps=1e-05 momentum=0.1
            relu
            conv name=layer2.0.conv2 in=128 out=128 kernel=3 stride=1 padding=1 groups=1 bias=0
            batchnorm name=layer2.0.bn2 channels=128 eps=1e-05 momentum=0.1
            shortcut
            conv name=layer2.0.downsample.0 in=64 out=128 kernel=1 stride=2 padding=0 groups=1 @
            batchnorm name=layer2.0.downsample.1 channels=128 eps=1e-05 momentum=0.1
            end
            relu

            """;
        var whole = expected.ReplaceLineEndings("\n")
            .Replace("@", "bias=0", StringComparison.Ordinal);
        Assert.Contains(whole, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("- relu",
        "model own layers[0] (relu): the network ends here with an output of 1x28x28; expected "
        + "one output for each of the 10 classes: end it with '- linear: classes'")]
    [InlineData("- flatten\n- conv: {filters: 4, kernel: 3}",
        "model own conv1: the input is flat (784 features); expected channels x height x width: "
        + "move this layer before '- flatten'")]
    [InlineData("- conv: {filters: 4, kernel: 3, groups: 3}",
        "model own conv1: the input 1x28x28 and 4 filters in 3 groups; expected groups that "
        + "divide both the channels and the filters")]
    [InlineData("- maxPool: 29",
        "model own layers[0] (maxPool): a kernel of 29 does not fit the input 1x28x28 with a "
        + "padding of 0; expected a kernel of at most 28")]
    [InlineData("- maxPool: {kernel: 2, padding: 2}",
        "model own layers[0] (maxPool): a padding of 2 for a kernel of 2; expected at most half "
        + "the kernel")]
    [InlineData("- residual: {layers: [{conv: {filters: 4, kernel: 3}}]}",
        "model own residual1: its layers make 4x28x28 of the input 1x28x28; expected the input's "
        + "shape, or a shortcut that makes the same")]
    [InlineData("- residual: {layers: [relu], shortcut: [{maxPool: 2}]}",
        "model own residual1: its layers make 1x28x28 of the input 1x28x28 and its shortcut "
        + "1x14x14; expected equal shapes")]
    [InlineData("- flatten\n- linear: 16777216\n- linear: 16777216",
        "model own fc1: a tensor of 13153337344 elements; expected at most 268435456")]
    [InlineData("- batchNorm: {name: a}\n- batchNorm: {name: a}",
        "model own a: two layers have this name; expected another name for one of them")]
    public void A_layer_that_does_not_fit_is_named(string layers, string line)
    {
        var spec = RunSpecReader.Read(
            "", "run.yaml", model: new SpecText(layers, "m.yaml"), facts: _ => null);
        var exception = Assert.Throws<SpecificationException>(
            () => Network.Resolve(spec.Model, Gray, 10));
        Assert.Equal([line], exception.Errors);
    }
}
