using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>It finds valleys, and a generation hangs on those before it alone.</summary>
public sealed class CmaEsSamplerTests
{
    [Fact]
    public void ItBeatsRandomDraws()
    {
        double Median(SamplerSpec spec) => SweepSpaces.Median(Enumerable.Range(0, 15).Select(
            seed => SweepSpaces.Best(
                spec, SweepSpaces.Cube(6), seed, 100, SweepSpaces.Hartmann6)));
        Assert.True(Median(new CmaEsSpec()) < Median(new RandomSpec()) - 0.5);
    }

    /// <summary>The Rosenbrock function's valley is bent and narrow: without adapting to its shape
    /// none gets along it.</summary>
    [Fact]
    public void ItAdaptsToANarrowValley()
    {
        double median = SweepSpaces.Median(Enumerable.Range(0, 5).Select(seed => SweepSpaces.Best(
            new CmaEsSpec(), SweepSpaces.Box((-2, 2), (-2, 2)), seed, 400,
            x => (100 * Math.Pow(x[1] - (x[0] * x[0]), 2)) + Math.Pow(1 - x[0], 2))));
        Assert.InRange(median, 0, 1e-2);
    }

    [Fact]
    public void ItDoesNotGetStuckOnSteps()
    {
        var space = new SearchSpace(
            [.. Enumerable.Range(0, 4).Select(index => new IntegerDimension(
                $"x{index}", [], 0, 40, 1, false))]);
        double median = SweepSpaces.Median(Enumerable.Range(0, 10).Select(seed => SweepSpaces.Best(
            new CmaEsSpec(), space, seed, 300, x => x.Sum(at => Math.Abs(at - 3)))));
        Assert.InRange(median, 0, 1);
    }

    [Fact]
    public void AGenerationDoesNotHangOnItself()
    {
        ISampler sampler = Samplers.Create(new CmaEsSpec(8), SweepSpaces.Cube(3), 5, 1);
        List<Observation> run = SweepSpaces.Run(
            sampler, 40, parameters => SweepSpaces.Hartmann3(SweepSpaces.Numbers(parameters)));
        for (int number = 0; number < 40; number++)
        {
            int known = number / 8 * 8;
            Assert.Equal(
                run[number].Parameters, sampler.Suggest(number, run[..known]).Parameters);
            Assert.Equal(run[number].Parameters, sampler.Suggest(number, run).Parameters);
        }
    }

    [Fact]
    public void WhatIsMissingOrFailedCountsAsWorst()
    {
        ISampler sampler = Samplers.Create(new CmaEsSpec(8), SweepSpaces.Cube(3), 5, 1);
        List<Observation> run = SweepSpaces.Run(
            sampler, 8, parameters => SweepSpaces.Hartmann3(SweepSpaces.Numbers(parameters)));
        int worst = run.MaxBy(one => one.Losses[0])!.Number;
        Suggestion full = sampler.Suggest(8, run);
        List<Observation> failed = [.. run];
        failed[worst] = failed[worst] with { State = ObservationState.Failed, Losses = [] };
        Suggestion withFailure = sampler.Suggest(8, failed);
        Suggestion withGap = sampler.Suggest(8, [.. run.Where(one => one.Number != worst)]);

        Assert.Equal("1 of 8 in generation 2", full.Reason);
        Assert.Contains("1 of the one before have no loss and count as worst", withGap.Reason);
        Assert.Equal(full.Parameters, withFailure.Parameters);
        Assert.Equal(full.Parameters, withGap.Parameters);
    }
}
