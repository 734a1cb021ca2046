using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>It learns: from what completed most, from what was stopped less, from what failed to
/// stay away, and from what runs to go elsewhere.</summary>
public sealed class TpeSamplerTests
{
    /// <summary>
    /// Medians of 50 seeds after 100 trials. The bars are what the settings of Optuna's default
    /// (each dimension alone, kernels no narrower than a range divided by their number) reach in
    /// this code with these seeds; with them it also gives the figure published for Optuna on the
    /// sphere, see below.
    /// </summary>
    [Theory]
    [InlineData("Branin", 0.446)]
    [InlineData("Hartmann3", -3.818)]
    [InlineData("Hartmann6", -3.004)]
    public void ItBeatsRandomDrawsAndOptunasDefault(string name, double bar)
    {
        (SearchSpace space, Func<double[], double> function) = name switch
        {
            "Branin" => (SweepSpaces.Box((-5, 10), (0, 15)), SweepSpaces.Branin),
            "Hartmann3" => (SweepSpaces.Cube(3), SweepSpaces.Hartmann3),
            _ => (SweepSpaces.Cube(6), (Func<double[], double>)SweepSpaces.Hartmann6),
        };
        double Median(SamplerSpec spec) => SweepSpaces.Median(Enumerable.Range(0, 50).Select(
            seed => SweepSpaces.Best(spec, space, seed, 100, function)));
        double tpe = Median(new TpeSpec());
        Assert.True(tpe < bar, $"{tpe}");
        Assert.True(tpe < Median(new RandomSpec()), $"{tpe}");
    }

    /// <summary>Published for Optuna 2.8 (github.com/optuna/optuna/issues/2871): a mean of 10.84
    /// ± 2.69 over 10 seeds after 100 trials; 27.09 for random draws.</summary>
    [Fact]
    public void OnTheSphereItIsBetterThanPublishedForOptuna()
    {
        SearchSpace space = SweepSpaces.Box([.. Enumerable.Repeat((-5.0, 5.0), 10)]);
        double mean = Enumerable.Range(0, 10).Average(seed => SweepSpaces.Best(
            new TpeSpec(), space, seed, 100, x => x.Sum(at => at * at)));
        Assert.InRange(mean, 0, 10.84 - 2.69);
    }

    [Fact]
    public void ItFindsTheBestBranchAndWhatIsOnlyThere()
    {
        double Loss(IReadOnlyList<ParameterValue> parameters)
        {
            double ValueOf(string name) => ParameterScale.ValueOf(
                SweepSpaces.Mixed.Dimensions.First(one => one.Name == name),
                parameters.First(one => one.Name == name).Text);
            return parameters[0].Text != "sgd" ? 1
                : Math.Abs(ValueOf("momentum") - 0.7) + (0.1 * ValueOf("rate"));
        }
        int[] near = [.. Enumerable.Range(0, 20).Select(seed => SweepSpaces.Run(
            Samplers.Create(new TpeSpec(), SweepSpaces.Mixed, (ulong)seed, 1), 60, Loss)
            .Skip(30).Count(one => one.Losses[0] < 0.2))];
        // At random it would be one in ten: 3 of the last 30.
        Assert.True(near.Order().ElementAt(10) >= 9, string.Join(' ', near));
    }

    /// <summary>Trials end in the order in which they began, 16 of them running all the time.
    /// </summary>
    [Fact]
    public void InParallelItStillBeatsRandomDrawsAndTriesNothingTwice()
    {
        const int slots = 16;
        double[] best = [.. Enumerable.Range(0, 20).Select(seed =>
        {
            ISampler sampler = Samplers.Create(
                new TpeSpec(), SweepSpaces.Cube(6), (ulong)seed, 1);
            var observations = new List<Observation>();
            for (int number = 0; number < 100; number++)
            {
                if (number >= slots)
                {
                    Observation ending = observations[number - slots];
                    observations[number - slots] = SweepSpaces.Completed(
                        ending.Number, ending.Parameters,
                        SweepSpaces.Hartmann6(SweepSpaces.Numbers(ending.Parameters)));
                }
                observations.Add(new(
                    number, sampler.Suggest(number, observations).Parameters,
                    ObservationState.Pending, [], 0));
            }
            Assert.Equal(100, observations.Select(
                one => SweepSpaces.Show(one.Parameters)).Distinct().Count());
            return observations.Min(
                one => SweepSpaces.Hartmann6(SweepSpaces.Numbers(one.Parameters)));
        })];
        double random = SweepSpaces.Median(Enumerable.Range(0, 20).Select(
            seed => SweepSpaces.Best(
                new RandomSpec(), SweepSpaces.Cube(6), seed, 100, SweepSpaces.Hartmann6)));
        Assert.InRange(SweepSpaces.Median(best), -3.33, random - 0.5);
    }

    [Fact]
    public void WhatRunsKeepsOthersAway()
    {
        // Of 20 trials the best two were around 0.5.
        List<Observation> ended = [.. Enumerable.Range(0, 20).Select(number => At(
            number, (number + 0.5) / 20, ObservationState.Completed))];
        List<Observation> crowded = [.. ended, .. Enumerable.Range(20, 30).Select(number => At(
            number, 0.5 + ((number - 35) * 0.001), ObservationState.Pending))];
        double Near(List<Observation> observations) => Enumerable.Range(0, 100).Count(seed =>
        {
            ISampler sampler = Samplers.Create(
                new TpeSpec(), SweepSpaces.Cube(1), (ulong)seed, 1);
            return Math.Abs(SweepSpaces.Numbers(
                sampler.Suggest(50, observations).Parameters)[0] - 0.5) < 0.1;
        });
        Assert.True(Near(ended) > 90, $"{Near(ended)}");
        Assert.True(Near(crowded) < 30, $"{Near(crowded)}");
    }

    [Fact]
    public void CompletedComeBeforeStoppedBeforeFailed()
    {
        Observation Of(ObservationState state, int epoch, params double[] losses) =>
            new(0, [], state, losses, epoch);
        Observation[] observations =
        [
            Of(ObservationState.Failed, 9, 0.0),
            Of(ObservationState.Stopped, 3, 0.1),
            Of(ObservationState.Stopped, 4, 0.3),
            Of(ObservationState.Completed, 9, 5.0),
            Of(ObservationState.Completed, 9, double.NaN),
            Of(ObservationState.Stopped, 4, 0.2),
            Of(ObservationState.Completed, 9, 4.0),
            Of(ObservationState.Stopped, 1),
        ];
        Assert.Equal([6, 3, 5, 2, 1, 0, 4, 7], ObservationOrder.BestFirst(observations, 1));
    }

    [Fact]
    public void WithTwoObjectivesItSpreadsOverTheFront()
    {
        // The best compromises of (x², (x − 2)²) + y² are x in [0, 2] with y = 0.
        SearchSpace space = SweepSpaces.Box((-5, 5), (-5, 5));
        double[] shares = [.. Enumerable.Range(0, 10).Select(seed =>
        {
            ISampler sampler = Samplers.Create(new TpeSpec(), space, (ulong)seed, 2);
            var observations = new List<Observation>();
            for (int number = 0; number < 100; number++)
            {
                IReadOnlyList<ParameterValue> parameters =
                    sampler.Suggest(number, observations).Parameters;
                double[] x = SweepSpaces.Numbers(parameters);
                observations.Add(SweepSpaces.Completed(
                    number, parameters, (x[0] * x[0]) + (x[1] * x[1]),
                    Math.Pow(x[0] - 2, 2) + (x[1] * x[1])));
            }
            double[][] late = [.. observations.Skip(50).Select(
                one => SweepSpaces.Numbers(one.Parameters))];
            Assert.Contains(late, x => x[0] < 0.7);
            Assert.Contains(late, x => x[0] > 1.3);
            return late.Count(x => x[0] is > -0.5 and < 2.5 && Math.Abs(x[1]) < 1) / 50.0;
        })];
        // At random it would be 0.06.
        Assert.True(SweepSpaces.Median(shares) > 0.5, string.Join(' ', shares));
    }

    [Fact]
    public void ItSaysWhy()
    {
        ISampler sampler = Samplers.Create(new TpeSpec(), SweepSpaces.Cube(1), 0, 1);
        Assert.Equal(
            "random: 0 of 10 start-up trials have ended", sampler.Suggest(0, []).Reason);
        Assert.Equal(
            "the best of 24 candidates near the 2 best of 12 trials, away from the others and 1 "
                + "that run",
            sampler.Suggest(13, [
                .. Enumerable.Range(0, 12).Select(
                    number => At(number, number / 12.0, ObservationState.Completed)),
                At(12, 0.3, ObservationState.Pending)]).Reason);
    }

    private static Observation At(int number, double x, ObservationState state) => new(
        number, [new("x0", x.ToString("R", System.Globalization.CultureInfo.InvariantCulture))],
        state, state == ObservationState.Pending ? [] : [Math.Abs(x - 0.5)], 1);
}
