using System.Globalization;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>What is true of every sampler: it stays in the space, keeps the conditions, writes
/// what can be read back, and says the same again.</summary>
public sealed class SamplerPropertyTests
{
    private const int Seeds = 20;
    private const int Trials = 40;

    private static readonly SearchSpace numbersOnly = new(
        [.. SweepSpaces.Mixed.Dimensions.Where(
            dimension => dimension is not ChoiceDimension && dimension.When.Count == 0)]);

    private static readonly SamplerSpec[] specs =
        [new RandomSpec(), new SobolSpec(), new TpeSpec(), new CmaEsSpec()];

    public static TheoryData<SamplerSpec> Specs => new(specs);

    [Theory]
    [MemberData(nameof(Specs))]
    public void ParametersAreInTheSpace(SamplerSpec spec)
    {
        SearchSpace space = SpaceFor(spec);
        for (ulong seed = 0; seed < Seeds; seed++)
        {
            foreach (Observation observation in Observed(spec, seed))
                AssertIn(space, observation.Parameters);
        }
    }

    [Theory]
    [MemberData(nameof(Specs))]
    public void TheSameAgainGivesTheSame(SamplerSpec spec)
    {
        for (ulong seed = 0; seed < Seeds; seed++)
        {
            List<Observation> observations = Observed(spec, seed);
            // Another instance, asked in another order and for each number alone.
            ISampler sampler = Samplers.Create(spec, SpaceFor(spec), seed, 1);
            for (int number = Trials - 1; number >= 0; number--)
            {
                Suggestion suggestion = sampler.Suggest(number, observations[..number]);
                Assert.Equal(observations[number].Parameters, suggestion.Parameters);
                Assert.NotEmpty(suggestion.Reason);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Specs))]
    public void AnotherSeedGivesOthers(SamplerSpec spec) => Assert.NotEqual(
        Observed(spec, 1).Select(observation => SweepSpaces.Show(observation.Parameters)),
        Observed(spec, 2).Select(observation => SweepSpaces.Show(observation.Parameters)));

    [Fact]
    public void WhatDoesNotLearnNeedsNoObservations()
    {
        foreach (SamplerSpec spec in new SamplerSpec[] { new RandomSpec(), new SobolSpec() })
        {
            foreach (SearchSpace space in new[] { SweepSpaces.Mixed, SweepSpaces.Finite })
            {
                ISampler sampler = Samplers.Create(spec, space, 3, 1);
                Assert.False(sampler.Learns);
                List<Observation> run = SweepSpaces.Run(sampler, 20, _ => 0);
                Assert.All(run, observation => Assert.Equal(
                    observation.Parameters, sampler.Suggest(observation.Number, []).Parameters));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Specs))]
    public void ASmallSpaceIsGoneThroughWithoutRepeating(SamplerSpec spec)
    {
        if (spec is CmaEsSpec)
            return;
        for (ulong seed = 0; seed < Seeds; seed++)
        {
            ISampler sampler = Samplers.Create(spec, SweepSpaces.Finite, seed, 1);
            Assert.Equal(36, sampler.Count);
            List<Observation> run = SweepSpaces.Run(
                sampler, 36, parameters => parameters.Sum(one => one.Text.Length));
            Assert.Equal(
                36, run.Select(one => SweepSpaces.Show(one.Parameters)).Distinct().Count());
        }
    }

    [Theory]
    [InlineData(0.1, 0.9, 0.1, "0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9")]
    [InlineData(0, 0.3, 0.1, "0 0.1 0.2 0.3")]
    [InlineData(-0.3, 0.2, 0.1, "-0.3 -0.2 -0.1 0 0.1 0.2")]
    [InlineData(1e-5, 5e-5, 2e-5, "1E-05 3E-05 5E-05")]
    [InlineData(0.5, 2, 0.6, "0.5 1.1 1.7")]
    [InlineData(1e20, 3e20, 1e20, "1E+20 2E+20 3E+20")]
    public void StepsAreWrittenAsAPersonWouldWriteThem(
        double low, double high, double step, string texts)
    {
        var space = new SearchSpace([new RealDimension("x", [], low, high, step, false)]);
        ISampler grid = Samplers.Create(new GridSpec(), space, 0, 1);
        Assert.Equal(texts, string.Join(' ', Enumerable.Range(0, grid.Count!.Value).Select(
            number => grid.Suggest(number, []).Parameters[0].Text)));
    }

    [Fact]
    public void LogarithmicNumbersAreDrawnEvenlyOverTheirLogarithm()
    {
        var space = new SearchSpace(
        [
            new RealDimension("real", [], 1e-4, 1, null, true),
            new IntegerDimension("whole", [], 1, 10_000, 1, true),
        ]);
        ISampler random = Samplers.Create(new RandomSpec(), space, 0, 1);
        double[][] drawn = [.. Enumerable.Range(0, 4000).Select(
            number => SweepSpaces.Numbers(random.Suggest(number, []).Parameters))];
        Assert.Equal(0.5, drawn.Count(values => values[0] < 1e-2) / 4000.0, 0.03);
        Assert.Equal(0.5, drawn.Count(values => values[1] < 100) / 4000.0, 0.05);
    }

    [Fact]
    public void ProblemsAreNamed()
    {
        SearchSpace Of(params Dimension[] dimensions) => new(dimensions);
        var rate = new RealDimension("optimizer.learningRate", [], 0, 1, null, false);
        var wide = new IntegerDimension("w", [], 1, 1_000_000_000, 1, false);
        Assert.Equal(
            "grid needs a step for optimizer.learningRate, which is a range of reals",
            Samplers.Problem(new GridSpec(), Of(rate)));
        Assert.Equal(
            "the grid has 1,000,000,000 combinations, and 1,000,000 are the most",
            Samplers.Problem(new GridSpec(), Of(wide)));
        Assert.StartsWith(
            "the grid has more than 1,000,000,000,000 combinations",
            Samplers.Problem(new GridSpec(), Of(wide, wide with { Name = "v" })),
            StringComparison.Ordinal);
        Assert.Equal(
            "cma-es takes numbers only; model.activation is a choice",
            Samplers.Problem(
                new CmaEsSpec(),
                Of(rate, new ChoiceDimension("model.activation", [], ["a", "b"]))));
        Assert.Equal(
            "cma-es takes one objective; there are 2",
            Samplers.Problem(new CmaEsSpec(), Of(rate), 2));
        Assert.Equal(
            "sobol takes at most 40 dimensions; there are 41",
            Samplers.Problem(new SobolSpec(), SweepSpaces.Cube(41)));
        Assert.Equal("there is nothing to vary", Samplers.Problem(new RandomSpec(), Of()));
        Assert.All(specs, spec => Assert.Null(Samplers.Problem(spec, SpaceFor(spec))));
    }

    private static SearchSpace SpaceFor(SamplerSpec spec) =>
        spec is CmaEsSpec ? numbersOnly : SweepSpaces.Mixed;

    /// <summary>A run in which trials also fail, are stopped, and still run.</summary>
    private static List<Observation> Observed(SamplerSpec spec, ulong seed)
    {
        SearchSpace space = SpaceFor(spec);
        ISampler sampler = Samplers.Create(spec, space, seed, 1);
        var observations = new List<Observation>();
        for (int number = 0; number < Trials; number++)
        {
            IReadOnlyList<ParameterValue> parameters =
                sampler.Suggest(number, observations).Parameters;
            double loss = ParameterScale.PositionOf(
                space.Dimensions.First(one => one.Name == "rate"),
                parameters.First(one => one.Name == "rate").Text);
            observations.Add((number % 7) switch
            {
                1 => new(number, parameters, ObservationState.Failed, [], 0),
                3 => new(number, parameters, ObservationState.Stopped, [loss], 1 + (number % 3)),
                5 when number > 30 => new(number, parameters, ObservationState.Pending, [], 0),
                6 => new(number, parameters, ObservationState.Completed, [double.NaN], 4),
                _ => new(number, parameters, ObservationState.Completed, [loss], 4),
            });
        }
        return observations;
    }

    private static void AssertIn(SearchSpace space, IReadOnlyList<ParameterValue> parameters)
    {
        int next = 0;
        foreach (Dimension dimension in space.Dimensions)
        {
            bool isPresent = dimension.When.All(condition => parameters.Any(
                one => one.Name == condition.Dimension && condition.Options.Contains(one.Text)));
            if (!isPresent)
                continue;
            ParameterValue value = parameters[next++];
            Assert.Equal(dimension.Name, value.Name);
            AssertIn(dimension, value.Text);
        }
        Assert.Equal(parameters.Count, next);
    }

    private static void AssertIn(Dimension dimension, string text)
    {
        Assert.InRange(ParameterScale.PositionOf(dimension, text), 0, 1);
        double number = ParameterScale.ValueOf(dimension, text);
        switch (dimension)
        {
            case ChoiceDimension choice:
                Assert.Equal(choice.Options[(int)number], text);
                break;
            case IntegerDimension whole:
                long integer = long.Parse(text, CultureInfo.InvariantCulture);
                Assert.InRange(integer, whole.Low, whole.High);
                Assert.Equal(0, (integer - whole.Low) % whole.Step);
                break;
            case RealDimension real:
                Assert.InRange(number, real.Low, real.High);
                Assert.Equal(number.ToString("R", CultureInfo.InvariantCulture), text);
                Assert.True(real.Step is null || text.Length <= 3, text);
                break;
        }
    }
}
