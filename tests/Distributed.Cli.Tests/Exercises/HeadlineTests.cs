using Distributed.Cli.Exercises;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;

namespace Distributed.Cli.Tests.Exercises;

/// <summary>The first sentence answers the question, and does not say more than is known.</summary>
public sealed class HeadlineTests
{
    [Fact]
    public void ExerciseTwoNamesWhatMattersMostTheBestAndTheTradeOff()
    {
        string headline = Convolutions((levels, noise) =>
            0.7 + 0.08 * levels[0] + 0.003 * levels[1] + 0.001 * noise);
        Assert.StartsWith(
            "The number of filters matters most: it explains 9", headline,
            StringComparison.Ordinal);
        Assert.Contains("from 70.", headline, StringComparison.Ordinal);
        Assert.Contains(" with 8 to 8", headline, StringComparison.Ordinal);
        Assert.Contains(" with 32. The best setting of ", headline, StringComparison.Ordinal);
        Assert.Contains("The best trade-off is number of filters 32, kernel size 3, ", headline,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ExerciseTwoDoesNotChooseBetweenEquals() => Assert.StartsWith(
        "It is not clearly one parameter that matters most: the ",
        Convolutions((levels, noise) =>
            0.7 + 0.04 * levels[0] + 0.04 * levels[1] + 0.001 * noise),
        StringComparison.Ordinal);

    [Fact]
    public void ExerciseTwoDoesNotTakeNoiseForAnEffect() => Assert.StartsWith(
        "Nothing that was varied clearly matters most",
        Convolutions((_, noise) => 0.8 + 0.05 * noise), StringComparison.Ordinal);

    [Fact]
    public void ExerciseTwoWithoutEnoughResultsSaysSo()
    {
        var sweep = new SyntheticSweep(Exercise.Of(2).SweepFile(isQuick: true).Yaml);
        Assert.StartsWith(
            "No setting has a result yet.", Exercise.Of(2).Headline(sweep.State),
            StringComparison.Ordinal);
        sweep.Complete(sweep.Parameters("8", "3", "1", "{maxPool: 2}", "relu"), 0.8);
        sweep.Fail(sweep.Parameters("8", "7", "2", "{maxPool: 3}", "relu"), "no network");
        string headline = Exercise.Of(2).Headline(sweep.State);
        Assert.StartsWith(
            "Which parameter matters most is not clear: there are too few", headline,
            StringComparison.Ordinal);
        Assert.Contains("The best setting of 1, ", headline, StringComparison.Ordinal);
        Assert.EndsWith(
            "1 of 2 trials failed. 22 of 24 trials have not ended yet.", headline,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ExerciseThreeNamesTheHardestAndTheEasiest()
    {
        string headline = Datasets(0.35, 0.78, 0.82, 0.93, spread: 0.005);
        Assert.StartsWith(
            "cifar-10 is the most challenging dataset for the network, and mnist is the easiest: "
            + "with 800 training images each, test accuracy is 35.00 % (± 1.2 points) ",
            headline, StringComparison.Ordinal);
        Assert.Contains(
            "for cifar-10 (6,000 images)", headline, StringComparison.Ordinal);
        Assert.Contains("for doodle (800 images)", headline, StringComparison.Ordinal);
    }

    [Fact]
    public void ExerciseThreeDoesNotRankWhatSeedsMix()
    {
        string headline = Datasets(0.76, 0.77, 0.82, 0.83, spread: 0.02);
        Assert.StartsWith(
            "Not clearly one dataset is the most challenging, as cifar-10 and fashion-mnist do not "
            + "differ by more than their seeds do, and mnist is not clearly easier than doodle",
            headline, StringComparison.Ordinal);
    }

    [Fact]
    public void ExerciseThreeWithoutASecondDatasetDoesNotCompare()
    {
        var sweep = new SyntheticSweep(Exercise.Of(3).SweepFile(isQuick: true).Yaml);
        foreach (double accuracy in new[] { 0.8, 0.81, 0.82 })
            sweep.Complete(sweep.Parameters("doodle", ""), accuracy);
        sweep.Fail(sweep.Parameters("mnist", "800"), "the loss is not a number");
        string headline = Exercise.Of(3).Headline(sweep.State);
        Assert.StartsWith("Which dataset is the most challenging is not known yet.", headline,
            StringComparison.Ordinal);
        Assert.Contains("1 of 4 trials failed.", headline, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        new[] { 0.70, 0.75, 0.80, 0.85, 0.90 }, 0.002,
        "Yes, more convolutional layers are better, up to the five that were tried: five reach "
            + "90.00 % (95 % interval ")]
    [InlineData(
        new[] { 0.70, 0.80, 0.90, 0.85, 0.80 }, 0.002,
        "No, more convolutional layers are better only up to three: three reach 90.00 %")]
    [InlineData(
        new[] { 0.70, 0.84, 0.85, 0.86, 0.85 }, 0.02,
        "No, more than two convolutional layers are not clearly better: two reach 84.00 %")]
    [InlineData(
        new[] { 0.90, 0.85, 0.80, 0.75, 0.70 }, 0.002,
        "No, more convolutional layers are worse than one: one reaches 90.00 %")]
    [InlineData(
        new[] { 0.80, 0.80, 0.80, 0.80, 0.80 }, 0.002,
        "No, more than one convolutional layer is not clearly better: one reaches 80.00 %")]
    public void ExerciseFourSaysHowManyLayersAreEnough(
        double[] accuracies, double spread, string start)
    {
        var sweep = new SyntheticSweep(Exercise.Of(4).SweepFile(isQuick: true).Yaml);
        for (int more = 0; more < accuracies.Length; more++)
        {
            foreach (int step in new[] { -1, 0, 1 })
            {
                sweep.Complete(
                    sweep.Parameters($"{more}"), accuracies[more] + step * spread,
                    flops: 1_000_000 * (more + 1));
            }
        }
        sweep.EndSweep();
        string headline = Exercise.Of(4).Headline(sweep.State);
        Assert.StartsWith(start, headline, StringComparison.Ordinal);
        Assert.EndsWith(
            "The network with five needs 5 times the FLOPs of the one with one.", headline,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ExerciseFourDoesNotTrustOneSeed()
    {
        string yaml = Exercise.Of(4).SweepFile(isQuick: true).Yaml
            .Replace("seeds: 3", "seeds: 1", StringComparison.Ordinal);
        var sweep = new SyntheticSweep(yaml);
        sweep.Complete(sweep.Parameters("0"), 0.5);
        sweep.Complete(sweep.Parameters("1"), 0.9);
        Assert.Contains(
            "not clearly to be said from one seed", Exercise.Of(4).Headline(sweep.State),
            StringComparison.Ordinal);
    }

    /// <summary>Half of all settings; the levels are indices of options, the noise is from -1 to
    /// 1.</summary>
    private static string Convolutions(Func<int[], double, double> accuracy)
    {
        var sweep = new SyntheticSweep(
            Exercise.Of(2).SweepFile(isQuick: true).Yaml
                .Replace("trials: 24", "trials: 54", StringComparison.Ordinal));
        string[][] options =
        [
            .. sweep.Description.Space.Dimensions.Select(
                dimension => ((ChoiceDimension)dimension).Options.ToArray()),
        ];
        for (int number = 0; number < 108; number += 1)
        {
            int rest = number;
            int[] levels = [.. options.Select(one =>
            {
                int level = rest % one.Length;
                rest /= one.Length;
                return level;
            })];
            if (levels.Sum() % 2 != 0)
                continue;
            double noise = 2 * CounterRandom.UnitDouble(7, (ulong)number) - 1;
            sweep.Complete(
                sweep.Parameters([.. levels.Select((level, axis) => options[axis][level])]),
                accuracy(levels, noise),
                flops: 1_000_000 * (1 + levels[0]) * (1 + levels[1]));
        }
        sweep.EndSweep();
        return Exercise.Of(2).Headline(sweep.State);
    }

    private static string Datasets(
        double cifar, double fashion, double doodle, double mnist, double spread)
    {
        var sweep = new SyntheticSweep(Exercise.Of(3).SweepFile(isQuick: true).Yaml);
        (string Name, double Accuracy)[] each =
        [
            ("mnist", mnist), ("fashion-mnist", fashion), ("doodle", doodle), ("cifar-10", cifar),
        ];
        foreach ((string name, double accuracy) in each)
        {
            foreach (string limit in name == "doodle" ? [""] : new[] { "800", "6000" })
            {
                foreach (int step in new[] { -1, 0, 1 })
                    sweep.Complete(sweep.Parameters(name, limit), accuracy + step * spread);
            }
        }
        sweep.EndSweep();
        return Exercise.Of(3).Headline(sweep.State);
    }
}
