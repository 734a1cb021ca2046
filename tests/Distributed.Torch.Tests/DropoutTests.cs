namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: a dropout mask is a pure function of (seed, layer, element), drops at its rate and keeps
/// the expectation. Method: an image of ones goes through dropout alone into a linear layer, whose
/// weight gradient then shows the mask.
/// </summary>
public sealed class DropoutTests
{
    private const int Side = 64;

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void DropsAtItsRateAndKeepsTheExpectation(double probability)
    {
        var mask = Mask(probability, seed: 11);
        var kept = mask.Count(value => value != 0);
        var deviation = Math.Sqrt(mask.Length * probability * (1 - probability));
        Assert.InRange(
            kept - mask.Length * (1 - probability), -4.5 * deviation, 4.5 * deviation);
        Assert.All(mask.Where(value => value != 0),
            value => Assert.Equal(1 / (1 - probability), value, 1e-5));
    }

    [Fact]
    public void TheSeedDecides()
    {
        Assert.Equal(Mask(0.5, seed: 1), Mask(0.5, seed: 1));
        var agreement = Mask(0.5, seed: 1).Zip(Mask(0.5, seed: 2), (a, b) => a == b ? 1 : 0).Sum();
        Assert.InRange(agreement, 0.46 * Side * Side, 0.54 * Side * Side);
    }

    /// <summary>Two dropout layers of one network do not share a mask.</summary>
    [Fact]
    public void LayersDrawApart()
    {
        var single = Mask(0.5, seed: 1).Count(value => value != 0);
        var both = Mask(0.5, seed: 1, second: "dropout p=0.5").Count(value => value != 0);
        Assert.InRange(both, 0.4 * single, 0.6 * single);
    }

    /// <summary>
    /// The mask belongs to the element, so it is the same in float and in double.
    /// </summary>
    [Fact]
    public void TypesAgree() => Assert.Equal(
        Mask(0.3, seed: 5).Select(value => value != 0),
        Mask(0.3, seed: 5, type: ElementType.Float64).Select(value => value != 0));

    /// <summary>An image of two channels has the mask of the same numbers laid flat.</summary>
    [Fact]
    public void TheMemoryLayoutDoesNotMatter()
    {
        using var flat = Network("input channels=24 height=1 width=1\ndropout p=0.5", 24);
        using var image = Network("input channels=2 height=3 width=4\ndropout p=0.5\nflatten", 24);
        flat.Step();
        image.Step();
        Assert.Equal(Kept(flat, 24), Kept(image, 24));
    }

    [Fact]
    public void EvaluationDropsNothing()
    {
        using var bench = Network("input channels=9 height=1 width=1\ndropout p=0.9", 9);
        using var plain = Network("input channels=9 height=1 width=1", 9);
        var (with, without) = (new float[2], new float[2]);
        bench.Model.Evaluate(bench.Images, bench.Labels, with);
        plain.Model.Evaluate(plain.Images, plain.Labels, without);
        Assert.Equal(without, with);
    }

    private static double[] Mask(
        double probability, ulong seed, string second = "", ElementType type = ElementType.Float32)
    {
        using var bench = Network(
            $"input channels=1 height={Side} width={Side}\ndropout p={probability}\n{second}\n"
            + "flatten", Side * Side, type);
        bench.Step(dropoutSeed: seed);
        var slope = bench.Read(bench.Gradients, bench.Model.Parameters[1].Offset);
        return [.. bench.ReadAll(bench.Gradients, 0, Side * Side).Select(x => x / slope)];
    }

    private static Bench Network(
        string head, int features, ElementType type = ElementType.Float32)
    {
        var bench = new Bench($"{head}\nlinear name=fc in={features} out=2", samples: 1, type);
        bench.Images.AsSpan().Fill(1);
        return bench;
    }

    private static bool[] Kept(Bench bench, int features) =>
        [.. bench.ReadAll(bench.Gradients, 0, features).Select(value => value != 0)];
}
