using System.Globalization;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>The worst of a population go on from the best, with parameters near theirs.</summary>
public sealed class PbtSchedulerTests
{
    private static readonly SearchSpace space = new(
    [
        new RealDimension("rate", [], 1e-3, 1, null, true),
        new IntegerDimension("layers", [], 1, 9, 1, false),
        new ChoiceDimension("optimizer", [], ["sgd", "adam"]),
        new RealDimension("momentum", [new("optimizer", ["sgd"])], 0, 0.9, null, false),
    ]);

    [Fact]
    public void TheLastQuarterTakesOverFromTheFirst()
    {
        TrialProgress[] trials = Population(8);
        for (ulong seed = 0; seed < 20; seed++)
        {
            ITrialScheduler pbt = Schedulers.Create(new PbtSpec(2), space, 10, seed, false);
            Assert.Equal([2, 4, 6, 8], pbt.Rungs);
            for (int number = 0; number < 6; number++)
                Assert.IsType<Verdict.GoOn>(pbt.Judge(number, 2, trials));
            var replaced = Assert.IsType<Verdict.Exploit>(pbt.Judge(7, 2, trials));
            Assert.InRange(replaced.Source, 0, 1);
            Assert.Equal(
                $"0.7 is 8th of 8 after 2 epochs; goes on from trial {replaced.Source} with "
                    + trials[replaced.Source].Results[0].Loss,
                replaced.Reason);
        }
    }

    [Fact]
    public void NumbersMoveByAFifthWithinTheirBoundsAndOptionsStay()
    {
        TrialProgress[] trials = Population(4);
        var seen = new SortedSet<string>(StringComparer.Ordinal);
        for (ulong seed = 0; seed < 100; seed++)
        {
            ITrialScheduler pbt = Schedulers.Create(
                new PbtSpec(2, Resample: 0), space, 10, seed, true);
            var replaced = (Verdict.Exploit)pbt.Judge(3, 2, trials);
            double[] numbers = [.. replaced.Parameters.Where(one => one.Name != "optimizer").Select(
                one => double.Parse(one.Text, CultureInfo.InvariantCulture))];
            Assert.Equal("sgd", replaced.Parameters[2].Text);
            Assert.True(Math.Abs(numbers[0] - 0.8) < 1e-12 || numbers[0] == 1, $"{numbers[0]}");
            seen.Add($"{numbers[1]} {numbers[2]:0.00}");
        }
        // 2 layers: 1.6 and 2.4 are 2 again, so a whole step. A momentum of 0.8 is cut at 0.9.
        Assert.Equal(["1 0.64", "1 0.90", "3 0.64", "3 0.90"], seen);
    }

    [Fact]
    public void ResamplingMayBringADimensionOrTakeItAway()
    {
        TrialProgress[] trials = Population(4);
        var seen = new SortedSet<string>(StringComparer.Ordinal);
        for (ulong seed = 0; seed < 50; seed++)
        {
            ITrialScheduler pbt = Schedulers.Create(
                new PbtSpec(2, Resample: 1), space, 10, seed, true);
            var replaced = (Verdict.Exploit)pbt.Judge(3, 2, trials);
            seen.Add(string.Join(' ', replaced.Parameters.Select(one => one.Name))
                + "=" + replaced.Parameters[2].Text);
        }
        Assert.Equal(["rate layers optimizer momentum=sgd", "rate layers optimizer=adam"], seen);
    }

    [Fact]
    public void ItWaitsForAllThatStillRun()
    {
        ITrialScheduler pbt = Schedulers.Create(new PbtSpec(2), space, 10, 0, false);
        TrialProgress[] trials = Population(4);
        trials[1] = trials[1] with { Results = [] };
        Assert.Equal(
            new Verdict.Wait("trial 1 must come to epoch 2 first"), pbt.Judge(3, 2, trials));
        trials[1] = trials[1] with { HasEnded = true };
        Assert.IsType<Verdict.Exploit>(pbt.Judge(3, 2, trials));
    }

    [Fact]
    public void AloneItGoesOn()
    {
        ITrialScheduler pbt = Schedulers.Create(new PbtSpec(2), space, 10, 0, false);
        Assert.IsType<Verdict.GoOn>(pbt.Judge(0, 2, Population(1)));
    }

    private static TrialProgress[] Population(int count) =>
        [.. Enumerable.Range(0, count).Select(number => new TrialProgress(
            number,
            [new("rate", "1"), new("layers", "2"), new("optimizer", "sgd"), new("momentum", "0.8")],
            false, [new(2, number * 0.1)]))];
}
