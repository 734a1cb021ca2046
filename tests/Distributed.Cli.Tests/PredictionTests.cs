using Distributed.Cli.Commands;
using Distributed.Training.Inference;

namespace Distributed.Cli.Tests;

/// <summary>From logits to what is printed.</summary>
public sealed class PredictionTests
{
    [Fact]
    public void ProbabilitiesAddUpToOneAndSurviveLargeLogits()
    {
        double[] probabilities = Classifier.Softmax([1000f, 1000f, 999f, -1000f]);
        Assert.Equal(1, probabilities.Sum(), 12);
        Assert.Equal(probabilities[0], probabilities[1]);
        Assert.Equal(Math.E, probabilities[0] / probabilities[2], 9);
        Assert.Equal(0, probabilities[3]);
    }

    [Fact]
    public void TheThreeLikeliestComeInOrder() => Assert.Equal(
        ["c", "a", "d"],
        PredictCommand.Likeliest([0.2, 0.05, 0.6, 0.15], ["a", "b", "c", "d"])
            .Select(prediction => prediction.Class));

    [Fact]
    public void FewClassesAreAllShown() =>
        Assert.Equal(2, PredictCommand.Likeliest([0.2, 0.8], ["a", "b"]).Length);
}
