namespace Distributed.Torch.Tests;

/// <summary>Goal: inference gives what training's forward gives, where both must agree.</summary>
public sealed class EvaluationTests
{
    /// <summary>Without batch norm and dropout, evaluation and a step see the same loss.</summary>
    [Fact]
    public void LossAndCountAreThoseOfAStep()
    {
        using var bench = new Bench(Networks.Course, samples: 16);
        var step = bench.Step();
        var evaluation = bench.Model.Evaluate(bench.Images, bench.Labels, []);
        Assert.Equal(step.LossSum, evaluation.LossSum, 1e-5);
        Assert.Equal(step.Correct, evaluation.Correct);
    }

    [Fact]
    public void LossOfLogitsIsThatOfTheirEvaluation()
    {
        using var bench = new Bench(Networks.EveryLayer, samples: 12);
        var logits = new float[12 * 5];
        var evaluation = bench.Model.Evaluate(bench.Images, bench.Labels, logits);
        Assert.Equal(evaluation, bench.Model.LossOf(logits, bench.Labels));
        Assert.Throws<ArgumentException>(() => bench.Model.LossOf(logits.AsSpan(1), bench.Labels));
    }

    /// <summary>The count of right answers is that of the logits' largest.</summary>
    [Fact]
    public void CorrectCountsTheLargestLogit()
    {
        using var bench = new Bench(Networks.EveryLayer, samples: 40);
        var logits = new float[40 * 5];
        var result = bench.Model.Evaluate(bench.Images, bench.Labels, logits);
        var correct = Enumerable.Range(0, 40).Count(n =>
            logits.AsSpan(n * 5, 5).IndexOf(logits.AsSpan(n * 5, 5).ToArray().Max())
            == bench.Labels[n]);
        Assert.Equal(correct, result.Correct);
    }

    /// <summary>
    /// A batch norm that was told its batch's statistics in full normalises by them: evaluation
    /// equals training but for the factor between the unbiased and the biased variance.
    /// </summary>
    [Fact]
    public void EvaluationNormalisesByRunningStatistics()
    {
        using var bench = new Bench("""
            input channels=3 height=20 width=20
            batchnorm name=bn channels=3 eps=1e-05 momentum=1
            flatten
            linear name=fc in=1200 out=4
            """, samples: 32, ElementType.Float64);
        var step = bench.Step();
        bench.Model.UpdateStatistics(bench.Gradients);
        var evaluation = bench.Model.Evaluate(bench.Images, bench.Labels, []);
        Assert.Equal(step.LossSum, evaluation.LossSum, 0.01);
    }

    [Fact]
    public void LabelsMayBeMissing()
    {
        using var bench = new Bench(Networks.Course);
        var (with, without) = (new float[40], new float[40]);
        bench.Model.Evaluate(bench.Images, bench.Labels, with);
        Assert.Equal(new EvaluationResult(0, 0), bench.Model.Evaluate(bench.Images, [], without));
        Assert.Equal(with, without);
        Assert.Throws<ArgumentException>(
            () => bench.Model.Evaluate(bench.Images, bench.Labels.AsSpan(1), []));
        Assert.Throws<ArgumentException>(
            () => bench.Model.Evaluate(bench.Images, [], new float[3]));
        Assert.Equal(default, bench.Model.Evaluate([], [], []));
    }
}
