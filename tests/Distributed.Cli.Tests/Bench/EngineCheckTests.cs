using Distributed.Cli.Bench.Engine;

namespace Distributed.Cli.Tests.Bench;

/// <summary>What `bench engine` calls right and wrong.</summary>
public sealed class EngineCheckTests
{
    private static readonly double[] Reference = [3, 4, 0];

    [Theory]
    [InlineData("fp32", 3.0001, true)]
    [InlineData("fp32", 3.1, false)]
    [InlineData("bf16", 3.1, true)]
    [InlineData("bf16", 4, false)]
    [InlineData("bf16", double.NaN, false)]
    public void Values_may_differ_by_what_the_precision_explains(
        string precision, double first, bool isOk)
    {
        EngineCheck check = EngineCheck.Of(
            precision, new EngineSection("a", [first, 4, 0]), new EngineSection("a", Reference));

        Assert.Equal(isOk, check.IsOk);
    }

    [Fact]
    public void A_reference_of_zeros_allows_nothing_else() => Assert.False(
        EngineCheck.Of(
            "fp32", new EngineSection("a", [1e-9]), new EngineSection("a", [0])).IsOk);

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void Of_bits_none_may_differ(int differing, bool isOk) => Assert.Equal(
        isOk, EngineCheck.Of("bf16", EngineSection.OfBits("a", differing), null).IsOk);

    [Fact]
    public void Sections_come_back_from_a_file_as_they_were()
    {
        string path = Path.GetTempFileName();
        try
        {
            EngineSection[] written =
            [
                new("gradients", [1.5, double.NaN, -0.0], IsOfGradients: true),
                EngineSection.OfBits("bits", 7),
            ];
            using (var output = new BinaryWriter(File.Create(path)))
            {
                foreach (EngineSection section in written)
                    section.WriteTo(output);
            }

            IReadOnlyList<EngineSection> read = EngineSection.ReadAll(path);

            Assert.Equal(2, read.Count);
            Assert.Equal(written[0].Values, read[0].Values);
            Assert.Equal(
                written[0] with { Values = [] }, read[0] with { Values = [] },
                (a, b) => a.Name == b.Name && a.IsOfGradients == b.IsOfGradients
                    && a.BitsDiffering == b.BitsDiffering);
            Assert.Equal(7, read[1].BitsDiffering);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
