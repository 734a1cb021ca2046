using Distributed.Cli.Exercises;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Runtime.Sweeps;
using Distributed.Training.Specification;

namespace Distributed.Cli.Tests.Exercises;

/// <summary>The sweep files that come with the program vary what the exercises are about.</summary>
public sealed class ExerciseFileTests
{
    [Theory]
    [InlineData(2, true, 24)]
    [InlineData(2, false, 54)]
    [InlineData(3, true, 21)]
    [InlineData(3, false, 21)]
    [InlineData(4, true, 15)]
    [InlineData(4, false, 25)]
    public void EachIsASweepOfThatManyTrialsWhoseLabelsFit(int number, bool isQuick, int trials)
    {
        Exercise exercise = Exercise.Of(number);
        (string yaml, string origin) = exercise.SweepFile(isQuick);
        SweepFileContent content = SweepFile.Read(yaml, origin, []);

        Assert.Equal(trials, content.Limits.Trials);
        Assert.All(
            content.Space.Dimensions,
            dimension => Assert.NotEqual(dimension.Name, exercise.Labels.NameOf(dimension.Name)));
    }

    [Fact]
    public void EveryPoolingOfExerciseTwoHasItsWords()
    {
        (string yaml, string origin) = Exercise.Of(2).SweepFile(isQuick: true);
        SearchSpace space = SweepFile.Read(yaml, origin, []).Space;
        var pooling = (ChoiceDimension)space.Dimensions.Single(
            dimension => Exercise.Of(2).Labels.NameOf(dimension.Name) == "pooling");
        Assert.Equal(
            ["maximum of 2×2", "average of 2×2", "maximum of 3×3"],
            pooling.Options.Select(
                option => Exercise.Of(2).Labels.TextOf(new(pooling.Name, option))));
    }

    [Fact]
    public void BothLayersOfExerciseTwoChangeTogether()
    {
        var sweep = new SyntheticSweep(Exercise.Of(2).SweepFile(isQuick: true).Yaml);
        string Layers(params string[] texts) => TrialSpecification.Read(
            sweep.Description, 0, sweep.Parameters(texts)).ToYaml();

        string average = Layers("32", "7", "2", "{avgPool: 2}", "gelu");
        Assert.Equal(2, Count(average, "avgPool"));
        Assert.Equal(0, Count(average, "maxPool"));
        Assert.Equal(2, Count(average, "gelu"));
        Assert.Equal(2, Count(average, "kernel: 7"));
        Assert.Equal(1, Count(average, "stride: 2, padding: same"));
        Assert.Contains("filters: 72", average, StringComparison.Ordinal);
        string maximum = Layers("8", "3", "1", "{maxPool: 3}", "relu");
        Assert.Equal(2, Count(maximum, "maxPool: {kernel: 3, stride: 3"));
    }

    [Fact]
    public void TwoLayersOfExerciseFourAreTheCoursesNetwork()
    {
        var sweep = new SyntheticSweep(Exercise.Of(4).SweepFile(isQuick: true).Yaml);
        long Parameters(int more)
        {
            IReadOnlyList<ParameterValue> parameters = sweep.Parameters($"{more}");
            RunSpec spec = TrialSpecification.Read(sweep.Description, 0, parameters);
            return TrialSpecification.NetworkOf(spec, sweep.Description).ParameterCount;
        }

        // As the course has it: 416 + 14,436 + 225,920 + 1,290.
        Assert.Equal(242_062, Parameters(1));
        Assert.Equal(36 * (36 * 25 + 1), Parameters(4) - Parameters(3));
    }

    [Fact]
    public void ATrialOfFewerEpochsThanOthersIsOverAtItsOwnEnd()
    {
        var sweep = new SyntheticSweep(Exercise.Of(3).SweepFile(isQuick: true).Yaml);
        int whole = sweep.Begin(sweep.Parameters("mnist", "6000"), 1);
        sweep.Reach(whole, 4, 0.98, "abc");
        int part = sweep.Begin(sweep.Parameters("mnist", "800"), 1);
        sweep.Reach(part, 4, 0.9, "");
        Assert.Equal(20, sweep.Description.Epochs);
        Assert.Equal(
            [TrialPhase.Settling, TrialPhase.AtRung],
            sweep.State.Trials.Select(trial => trial.Phase));
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;
}
