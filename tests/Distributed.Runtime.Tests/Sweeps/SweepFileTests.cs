using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Runtime.Sweeps;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Tests.Sweeps;

/// <summary>
/// Goal: a sweep file means what its author thinks. Method: files against the dimensions, bindings
/// and settings that they stand for.
/// </summary>
public sealed class SweepFileTests
{
    private static readonly Condition[] Always = [];

    private static Condition When(string name, params string[] options) => new(name, options);

    private static void Same(Dimension expected, Dimension actual)
    {
        // Records compare their lists by reference.
        Assert.Equal(
            expected.When.Select(when => (when.Dimension, string.Join('|', when.Options))),
            actual.When.Select(when => (when.Dimension, string.Join('|', when.Options))));
        if (expected is ChoiceDimension choice)
        {
            var other = Assert.IsType<ChoiceDimension>(actual);
            Assert.Equal(choice.Name, other.Name);
            Assert.Equal(choice.Options, other.Options);
            return;
        }
        Assert.Equal(expected with { When = actual.When }, actual);
    }

    [Fact]
    public void The_example_shows_everything()
    {
        SweepFileContent sweep = SweepFiles.Read(SweepFiles.Deployed("example.yaml"));
        Assert.Equal("example", sweep.Name);
        Dimension[] expected =
        [
            new ChoiceDimension("optimizer.kind", Always, ["adam", "sgd"]),
            new RealDimension("optimizer.learningRate (adam)", [When("optimizer.kind", "adam")],
                1e-4, 1e-2, null, true),
            new RealDimension("optimizer.learningRate (sgd)", [When("optimizer.kind", "sgd")],
                1e-2, 1, null, true),
            new RealDimension("optimizer.momentum", [When("optimizer.kind", "sgd")],
                0.5, 0.99, null, false),
            new RealDimension("optimizer.weightDecay", [When("optimizer.kind", "sgd")],
                0, 1e-3, 1e-4, false),
            new ChoiceDimension("globalBatch", Always, ["32", "64", "128"]),
            new IntegerDimension("model.layers.repeat", Always, 1, 4, 1, false),
            new ChoiceDimension("model.layers[0].conv.filters", Always, ["8", "16", "32"]),
            new IntegerDimension("model.layers[4].linear", Always, 32, 256, 1, true),
        ];
        Assert.Equal(expected.Length, sweep.Space.Dimensions.Count);
        foreach ((Dimension one, Dimension other) in expected.Zip(sweep.Space.Dimensions))
            Same(one, other);
        Assert.Contains(
            new Binding("optimizer.momentum", "{$: optimizer.momentum}"), sweep.Bindings);
        Assert.Contains(
            new Binding("optimizer.nesterov", "{$: optimizer.kind, is: {sgd: true}}"),
            sweep.Bindings);
        Assert.Contains(
            new Binding("model.layers", "[{$repeat: model.layers.repeat, items: [{conv: {filters: "
                + "{$: \"model.layers[0].conv.filters\"}, kernel: 3, padding: 1}}, relu]}, "
                + "{maxPool: 4}, {dropout: 0.25}, flatten, {linear: {$: "
                + "\"model.layers[4].linear\"}}, relu, {linear: classes}]"),
            sweep.Bindings);
        Assert.Equal(new TpeSpec(10, 24), sweep.Sampler);
        Assert.Equal(new AshaSpec(3, 5, 1), sweep.Scheduler);
        Assert.Equal(
            [
                new Objective(ObjectiveMetric.TestAccuracy, true),
                new Objective(ObjectiveMetric.Parameters, false),
            ],
            sweep.Objectives);
        Assert.Equal(new SweepLimits(60, 2, 1, TimeSpan.FromHours(4), 2), sweep.Limits);
        Assert.Equal([1UL, 2, 3], sweep.RunSeeds);
        Assert.Equal(20, sweep.Configurations);
        Assert.Equal(9, sweep.Epochs);
        Assert.Equal(1UL, sweep.Seed);
        Assert.True(sweep.IsDeterministic);
        Assert.Equal([new DatasetSpec("mnist")], sweep.Datasets);
    }

    [Fact]
    public void What_is_not_given_has_a_default()
    {
        SweepFileContent sweep = SweepFile.Read(
            "{space: {globalBatch: {choice: [32, 64]}}, trials: 2}", "dir/rates.yaml", []);
        Assert.Equal("rates", sweep.Name);
        Assert.Equal(new RandomSpec(), sweep.Sampler);
        Assert.Equal(new NoSchedulerSpec(), sweep.Scheduler);
        Assert.Equal([new Objective(ObjectiveMetric.TestAccuracy, true)], sweep.Objectives);
        Assert.Equal(new SweepLimits(2, 0, 1, null, 2), sweep.Limits);
        Assert.Equal([1UL], sweep.RunSeeds);
        Assert.Equal([new DatasetSpec("fashion-mnist")], sweep.Datasets);
        Assert.Equal("", sweep.RunSpecification);
        Assert.False(sweep.IsDeterministic);
    }

    [Fact]
    public void Overrides_win_and_reach_every_section()
    {
        SweepFileContent sweep = SweepFiles.Read(
            SweepFiles.Deployed("asha-course-cnn.yaml"),
            "trials=20", "run.epochs=27", "run.optimizer.kind=sgd", "limits.concurrent=3",
            "sampler.tpe.candidates=48", "space.globalBatch={choice: [16, 32]}",
            "space.model.conv[0].filters={int: [4, 8]}",
            "scheduler=hyperband", "seeds=[5, 7]", "objective=minimize testLoss");
        Assert.Equal(20, sweep.Limits.Trials);
        Assert.Equal(3, sweep.Limits.ConcurrentTrials);
        Assert.Equal(27, sweep.Epochs);
        Assert.Equal(new TpeSpec(10, 48), sweep.Sampler);
        // Rungs of 1, 6 and 27 epochs, or so: as many brackets as rungs.
        Assert.Equal(new AshaSpec(4, 5, 3), sweep.Scheduler);
        Assert.Equal([5UL, 7], sweep.RunSeeds);
        Assert.Equal([new Objective(ObjectiveMetric.TestLoss, false)], sweep.Objectives);
        var batch = sweep.Space.Dimensions.OfType<ChoiceDimension>().Single();
        Assert.Equal(["16", "32"], batch.Options);
        Assert.Contains(
            new IntegerDimension("model.conv[0].filters", Always, 4, 8, 1, false),
            sweep.Space.Dimensions
                .OfType<IntegerDimension>()
                .Select(dimension => dimension with { When = Always }));
        Assert.Contains("optimizer.kind: sgd\n", sweep.RunSpecification);
        Assert.Contains("epochs: 27\n", sweep.RunSpecification);
    }

    [Theory]
    [InlineData("globalBatch: {choice: [32, 64]}", 2)]
    [InlineData("globalBatch: {int: [32, 64], step: 10}", 4)]
    [InlineData("labelSmoothing: {uniform: [0, 0.3], step: 0.1}", 4)]
    [InlineData("optimizer.kind: {choice: {adam: {}, sgd: {optimizer.momentum: "
        + "{choice: [0.5, 0.9, 0.95]}}}}", 4)]
    public void A_grid_has_as_many_trials_as_there_are(string space, int configurations)
    {
        string yaml = $"{{sampler: grid, seeds: 2, space: {{{space}}}}}";
        Assert.Equal(2 * configurations, SweepFiles.Read(yaml).Limits.Trials);
        Assert.Equal(3, SweepFiles.Read(yaml, "trials=3").Limits.Trials);
    }

    [Fact]
    public void A_dimension_comes_behind_its_condition()
    {
        SweepFileContent sweep = SweepFiles.Read(
            """
            space:
              optimizer.momentum: {uniform: [0.5, 0.9], when: {optimizer.kind: sgd}}
              globalBatch: {choice: [32, 64]}
              optimizer.kind: {choice: [adam, sgd]}
            trials: 1
            """);
        Assert.Equal(
            ["globalBatch", "optimizer.kind", "optimizer.momentum"],
            sweep.Space.Dimensions.Select(dimension => dimension.Name));
    }

    [Fact]
    public void Options_can_be_lists_of_layers_with_dimensions_of_their_own()
    {
        SweepFileContent sweep = SweepFiles.Read(
            """
            space:
              model.layers:
                choice:
                  - [flatten, linear: classes]
                  - [{conv: {filters: {int: [4, 8]}, kernel: 3}}, flatten, linear: classes]
            trials: 1
            """);
        const string name = "model.layers[0].conv.filters";
        const string option = "[{conv: {filters: {$: \"model.layers[0].conv.filters\"}, kernel: "
            + "3}}, flatten, {linear: classes}]";
        Assert.Equal(2, sweep.Space.Dimensions.Count);
        Same(
            new ChoiceDimension("model.layers", Always,
                ["[flatten, {linear: classes}]", option]),
            sweep.Space.Dimensions[0]);
        Same(
            new IntegerDimension(name, [When("model.layers", option)], 4, 8, 1, false),
            sweep.Space.Dimensions[1]);
        RunSpec spec = TrialSpecification.Read(
            sweep.Describe("/sweep", SweepFiles.Sizes, ""), 0,
            [new("model.layers", option), new(name, "7")]);
        Assert.Contains("filters: 7", spec.ToYaml());
    }

    [Fact]
    public void Every_dataset_that_a_trial_may_use_is_known_ahead()
    {
        SweepFileContent sweep = SweepFiles.Read(
            """
            run: {dataset.trainLimit: 100}
            space:
              dataset:
                choice:
                  mnist: {}
                  doodle: {dataset.classes: {choice: [[cat, fish], [car, star, tree]]}}
            trials: 1
            """);
        Assert.Equal(
            ["doodle[car, star, tree]", "doodle[cat, fish]", "mnist"],
            sweep.Datasets.Select(DatasetSizes.KeyOf).Order());
        Assert.All(sweep.Datasets, dataset => Assert.Null(dataset.TrainLimit));
    }
}
