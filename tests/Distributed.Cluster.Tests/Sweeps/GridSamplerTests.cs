using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>A grid has each combination once, in the order a reader would list them.</summary>
public sealed class GridSamplerTests
{
    [Fact]
    public void ItIsCompleteAndHasNothingTwice()
    {
        ISampler grid = Samplers.Create(new GridSpec(), SweepSpaces.Finite, 0, 1);
        string[] all = [.. Enumerable.Range(0, grid.Count!.Value).Select(
            number => SweepSpaces.Show(grid.Suggest(number, []).Parameters))];
        Assert.Equal(36, all.Length);
        Assert.Equal(all, All(SweepSpaces.Finite.Dimensions, []).Select(SweepSpaces.Show));
        Assert.Equal(
            "optimizer=sgd, momentum=0.1, nesterov=true, layers=2", all[0]);
        Assert.Equal("optimizer=none, layers=8", all[^1]);
    }

    [Fact]
    public void NumbersAndCombinationsBelongTogether()
    {
        var combinations = new Combinations(new Domain(SweepSpaces.Finite));
        for (int number = 0; number < combinations.Count; number++)
            Assert.Equal(number, combinations.NumberOf(combinations.At(number)));
    }

    [Fact]
    public void ALargeGridIsNotListedToBeAnswered()
    {
        var space = new SearchSpace(
            [.. Enumerable.Range(0, 6).Select(index => new IntegerDimension(
                $"d{index}", [], 0, 9, 1, false))]);
        ISampler grid = Samplers.Create(new GridSpec(), space, 0, 1);
        Assert.Null(Samplers.Problem(new GridSpec(), space));
        Assert.Equal(1_000_000, grid.Count);
        Assert.Equal([1, 2, 3, 4, 5, 6], SweepSpaces.Numbers(grid.Suggest(123_456, []).Parameters));
    }

    /// <summary>The plain enumeration, dimension after dimension.</summary>
    private static IEnumerable<List<ParameterValue>> All(
        IEnumerable<Dimension> dimensions, List<ParameterValue> before)
    {
        if (dimensions.FirstOrDefault() is not { } first)
            return [before];
        IEnumerable<Dimension> rest = dimensions.Skip(1);
        bool isPresent = first.When.All(condition => before.Any(
            one => one.Name == condition.Dimension && condition.Options.Contains(one.Text)));
        return isPresent
            ? Texts(first).SelectMany(text => All(rest, [.. before, new(first.Name, text)]))
            : All(rest, before);
    }

    private static IEnumerable<string> Texts(Dimension dimension) => dimension switch
    {
        ChoiceDimension choice => choice.Options,
        IntegerDimension { Name: "damping" } => ["1", "2"],
        IntegerDimension { Name: "warmup" } => ["0", "5"],
        IntegerDimension => ["2", "5", "8"],
        _ => ["0.1", "0.2", "0.3"],
    };
}
