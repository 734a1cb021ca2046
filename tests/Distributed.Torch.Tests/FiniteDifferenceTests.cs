namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: each layer kind's gradient is the derivative of the loss that forward reports. Method: a
/// small network around the layer, in double; each parameter is moved a little to both sides, and
/// the loss's slope compared with the gradient. Layers without parameters stand behind a
/// convolution, whose gradient has passed through them.
/// </summary>
public sealed class FiniteDifferenceTests
{
    private const double Move = 1e-5;
    private const int ElementsPerTensor = 24;

    [Theory]
    [InlineData("conv name=x in=3 out=4 kernel=3 stride=1 padding=1 groups=1 bias=1", "4x6x6")]
    [InlineData("conv name=x in=3 out=4 kernel=3 stride=2 padding=0 groups=1 bias=0", "4x2x2")]
    [InlineData("conv name=x in=3 out=6 kernel=2 stride=2 padding=1 groups=3 bias=1", "6x4x4")]
    [InlineData("batchnorm name=x channels=3 eps=1e-05 momentum=0.1", "3x6x6")]
    [InlineData("batchnorm name=x channels=3 eps=1e-12 momentum=0.4 scale=0", "3x6x6")]
    [InlineData("scale factor=0.3", "3x6x6")]
    [InlineData("relu", "3x6x6")]
    [InlineData("gelu", "3x6x6")]
    [InlineData("maxpool kernel=2 stride=2 padding=0", "3x3x3")]
    [InlineData("maxpool kernel=3 stride=2 padding=1", "3x3x3")]
    [InlineData("maxpool kernel=2 stride=2 padding=0\nrelu", "3x3x3")]
    [InlineData("maxpool kernel=3 stride=3 padding=0", "3x2x2")]
    [InlineData("conv name=x in=3 out=5 kernel=2\nmaxpool kernel=2 stride=2", "5x2x2")]
    [InlineData("conv name=x in=3 out=5 kernel=2\nrelu\nmaxpool kernel=3 stride=3", "5x1x1")]
    [InlineData("relu\nmaxpool kernel=2 stride=2 padding=0", "3x3x3")]
    [InlineData("avgpool kernel=2 stride=2 padding=0", "3x3x3")]
    [InlineData("avgpool kernel=3 stride=1 padding=1", "3x6x6")]
    [InlineData("globalavgpool", "3x1x1")]
    [InlineData("dropout p=0.4", "3x6x6")]
    [InlineData("flatten\nlinear name=x in=108 out=5 bias=0\nrelu\ndropout p=0.3", "5x1x1")]
    [InlineData("residual name=r\nconv name=x in=3 out=3 kernel=3 padding=1\ngelu\nend", "3x6x6")]
    [InlineData(
        "residual name=r\nconv name=x in=3 out=5 kernel=3 stride=2 padding=1\n"
        + "shortcut\nconv name=y in=3 out=5 kernel=1 stride=2\nend", "5x3x3")]
    public void GradientIsTheSlopeOfTheLoss(string layers, string shape)
    {
        var features = shape.Split('x').Aggregate(1, (product, part) => product * int.Parse(part));
        RequireSlopes($"""
            input channels=2 height=6 width=6
            conv name=before in=2 out=3 kernel=3 stride=1 padding=1
            {layers}
            flatten
            linear name=after in={features} out=3
            """);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.1)]
    [InlineData(0.7)]
    public void SmoothedLossHasItsOwnSlope(double smoothing) => RequireSlopes($"""
        input channels=1 height=3 width=3
        flatten
        linear name=fc in=9 out=6
        loss smoothing={smoothing}
        """);

    [Theory]
    [InlineData(Networks.EveryLayer)]
    [InlineData(Networks.NormAndDropout)]
    public void WholeNetworksHaveTheirSlopes(string network) => RequireSlopes(network);

    private static void RequireSlopes(string network)
    {
        const double scale = 0.25;
        using var bench = new Bench(network, samples: 3, ElementType.Float64);
        bench.Step(lossScale: scale);
        var gradients = bench.ReadAll(bench.Gradients, 0, bench.Model.ParameterLength);
        var largest = gradients.Max(Math.Abs);
        Assert.True(largest > 1e-3, "the test would pass with no gradient at all");
        foreach (var tensor in bench.Model.Parameters)
        {
            var stride = Math.Max(1, tensor.Length / ElementsPerTensor);
            for (var i = tensor.Offset; i < tensor.Offset + tensor.Length; i += stride)
            {
                var slope = scale * Slope(bench, i);
                var difference = Math.Abs(slope - gradients[i]);
                Assert.True(difference <= 1e-7 * Math.Max(1, largest),
                    $"{tensor.Name}[{i - tensor.Offset}]: {gradients[i]}, slope {slope}");
            }
        }
    }

    private static double Slope(Bench bench, long index)
    {
        var middle = bench.Read(bench.Parameters, index);
        bench.Write(bench.Parameters, index, middle + Move);
        var above = bench.Step().LossSum;
        bench.Write(bench.Parameters, index, middle - Move);
        var below = bench.Step().LossSum;
        bench.Write(bench.Parameters, index, middle);
        return (above - below) / (2 * Move);
    }
}
