using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Sweeps;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Tests.Sweeps;

/// <summary>
/// Goal: a trial trains what its parameters say. Method: drawn configurations against the canonical
/// text of the specs that they make.
/// </summary>
public sealed class TrialSpecificationTests
{
    private const string Nested =
        """
        name: nested
        run: {dataset: mnist, epochs: 4, optimizer.beta2: 0.99}
        space:
          optimizer.kind:
            choice:
              adam: {optimizer.learningRate: 0.002}
              sgd:
                optimizer.momentum: {uniform: [0.5, 0.99]}
                optimizer.nesterov:
                  choice:
                    true: {}
                    false: {optimizer.weightDecay: {loguniform: [1e-6, 1e-3]}}
          labelSmoothing: {uniform: [0, 0.3], step: 0.05, when: {optimizer.kind: adam}}
          schedule: {value: {kind: step, gamma: {choice: [0.5, 0.7]}, stepEpochs: {int: [1, 3]}}}
          globalBatch: {logint: [16, 512]}
          model.layers:
            value:
              - repeat: {int: [0, 3]}
                items:
                  - conv: {filters: {int: [8, 32], step: 8}, kernel: {choice: [3, 5]}}
                  - choice: [relu, gelu]
              - flatten
              - repeat: 2
                items: [{linear: {features: {choice: [10, 20]}}}]
              - linear: classes
        trials: 10
        """;

    private static readonly Dictionary<string, string> Lines = new()
    {
        ["optimizer.kind"] = "  kind: ",
        ["optimizer.momentum"] = "  momentum: ",
        ["optimizer.nesterov"] = "  nesterov: ",
        ["optimizer.weightDecay"] = "  weightDecay: ",
        ["labelSmoothing"] = "labelSmoothing: ",
        ["schedule.gamma"] = "  gamma: ",
        ["schedule.stepEpochs"] = "  stepEpochs: ",
        ["globalBatch"] = "globalBatch: ",
        ["model.layers[2].linear.features"] = "features: ",
    };

    /// <summary>
    /// What the sweep's base has beside its space: settings of Adam only where Adam is chosen.
    /// </summary>
    private static readonly SweepDescription Sweep = SweepFiles.Describe(
        Nested.Replace(", optimizer.beta2: 0.99", "", StringComparison.Ordinal));

    [Fact]
    public void Every_drawn_configuration_is_a_run_with_its_values()
    {
        var draws = new Draws(Sweep.Space, seed: 1);
        var seen = new HashSet<string>();
        for (var trial = 0; trial < 500; trial++)
        {
            IReadOnlyList<ParameterValue> values = draws.Suggest(trial, []).Parameters;
            RunSpec spec = TrialSpecification.Read(Sweep, trial, values);
            string yaml = spec.ToYaml();
            Dictionary<string, string> by = values.ToDictionary(
                value => value.Name, value => value.Text);
            foreach ((string name, string text) in by)
            {
                seen.Add(name);
                if (Lines.TryGetValue(name, out string? line))
                    Assert.Contains($"{line}{text}", yaml);
            }
            var repeats = int.Parse(by["model.layers.repeat"]);
            string conv = $"filters: {by["model.layers[0].items[0].conv.filters"]}, "
                + $"kernel: {by["model.layers[0].items[0].conv.kernel"]}";
            Assert.Equal(repeats, Count(yaml, conv));
            Assert.Equal(repeats, Count(yaml, $"- {by["model.layers[0].items[1]"]}\n"));
            Assert.Equal(
                3, spec.Model.Layers.OfType<LinearLayer>().Count());
            Assert.Equal(by["optimizer.kind"] == "adam", yaml.Contains("learningRate: 0.002"));
            Assert.Equal(spec, RunSpecReader.Read(yaml, "again"));
        }
        Assert.Equal(Sweep.Space.Dimensions.Select(one => one.Name).Order(), seen.Order());
    }

    [Theory]
    [InlineData("example.yaml")]
    [InlineData("asha-course-cnn.yaml")]
    public void The_examples_have_no_configuration_that_cannot_be_run(string file)
    {
        SweepDescription sweep = SweepFiles.Describe(SweepFiles.Deployed(file));
        var draws = new Draws(sweep.Space, seed: 2);
        var hashes = new HashSet<string>();
        for (var trial = 0; trial < 200; trial++)
        {
            RunSpec spec = TrialSpecification.Read(
                sweep, trial, draws.Suggest(trial, []).Parameters);
            Assert.InRange(TrialSpecification.NetworkOf(spec, sweep).ParameterCount, 1, 2_000_000);
            hashes.Add(spec.ResultHash());
        }
        Assert.Equal(200, hashes.Count);
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    [Fact]
    public void A_setting_that_an_option_has_not_is_refused_ahead() => Assert.Contains(
        "optimizer.beta2: sgd has no such setting",
        Assert.Single(Assert.Throws<SpecificationException>(
            () => SweepFiles.Describe(Nested)).Errors));

    [Fact]
    public void A_trial_has_its_name_and_its_seed()
    {
        SweepDescription sweep = SweepFiles.Describe(
            "{name: rates, seeds: [7, 9], trials: 40, run: {dataset: mnist}, "
            + "space: {optimizer.learningRate: {uniform: [0.1, 0.2]}}}");
        RunSpec spec = TrialSpecification.Read(
            sweep, 17, [new ParameterValue("optimizer.learningRate", "0.125")]);
        Assert.Equal("rates-0017", spec.Name);
        Assert.Equal(9UL, spec.Seed);
        Assert.Equal(0.125, spec.Optimizer.LearningRate);
        Assert.Equal(
            spec, TrialSpecification.Read(sweep, 17, [new("optimizer.learningRate", "0.125")]));
    }

    [Fact]
    public void Limits_take_the_first_samples()
    {
        SweepDescription sweep = SweepFiles.Describe(
            "{trials: 40, run: {dataset: {name: mnist, trainLimit: 900}}, "
            + "space: {dataset.testLimit: {choice: [500, 50000]}}}");
        SampleCounts Counts(string limit) => TrialSpecification.Counts(
            TrialSpecification.Read(sweep, 0, [new("dataset.testLimit", limit)]), sweep);
        Assert.Equal(new SampleCounts(900, 500), Counts("500"));
        Assert.Equal(new SampleCounts(900, 10_000), Counts("50000"));
        RunSpec spec = TrialSpecification.Read(sweep, 0, []);
        Assert.Equal(242_062, TrialSpecification.NetworkOf(spec, sweep).ParameterCount);
        var exception = Assert.Throws<SpecificationException>(() => TrialSpecification.Counts(
            spec with { Dataset = new DatasetSpec("cifar-10") }, sweep));
        Assert.Equal(
            "test-0000 dataset: cifar-10 is none of the sweep's (mnist); expected one of "
            + "them: submit the sweep again",
            exception.Message);
    }

    [Fact]
    public void What_fails_together_names_the_trial()
    {
        SweepDescription sweep = SweepFiles.Describe(
            """
            run: {dataset: mnist}
            space:
              model.layers[0].conv:
                choice: [{filters: 8, kernel: 3}, {filters: 8, kernel: 23, padding: 0}]
              model.layers[3].conv:
                choice: [{filters: 8, kernel: 3}, {filters: 8, kernel: 9, padding: 0}]
            trials: 4
            """);
        var exception = Assert.Throws<SpecificationException>(() => TrialSpecification.Read(
            sweep, 3,
            [
                new("model.layers[0].conv", "{filters: 8, kernel: 23, padding: 0}"),
                new("model.layers[3].conv", "{filters: 8, kernel: 9, padding: 0}"),
            ]));
        Assert.Equal(ExitCodes.BadUsage, exception.ExitCode);
        Assert.Equal(
            "trial 3 layer conv2: a kernel of 9 does not fit the input 8x3x3 with a padding of 0; "
            + "expected a kernel of at most 3",
            exception.Message);
    }
}
