using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>Schedulers stop whom they should, say so in words, and name bad settings.</summary>
public sealed class SchedulerTests
{
    private static readonly SearchSpace space = SweepSpaces.Cube(1);

    [Theory]
    [InlineData(256, 4, 5, "1 4 16 64")]
    [InlineData(100, 4, 5, "1 6 25")]
    [InlineData(100, 2, 3, "25 50")]
    [InlineData(9, 3, 5, "1 3")]
    [InlineData(4, 4, 5, "1")]
    public void RungsAreTheEpochsDividedAgainAndAgain(
        int epochs, int divisor, int rungsMax, string rungs)
    {
        ITrialScheduler asha = Schedulers.Create(
            new AshaSpec(divisor, rungsMax), space, epochs, 0, true);
        Assert.Equal(rungs, string.Join(' ', asha.Rungs));
    }

    [Fact]
    public void OneInSoManyGoesOn()
    {
        ITrialScheduler asha = Schedulers.Create(new AshaSpec(4, 2), space, 4, 0, false);
        // The best come last, so that each is judged among all that are worse.
        List<TrialProgress> trials = [];
        for (int number = 0; number < 8; number++)
        {
            trials.Add(At(number, 1, 8 - number));
            Assert.IsType<Verdict.GoOn>(asha.Judge(number, 1, trials));
        }
        // The best come first: the first goes on, and then none until there are eight.
        trials.Clear();
        for (int number = 0; number < 8; number++)
        {
            trials.Add(At(number, 1, 0.1 * (number + 1)));
            Verdict verdict = asha.Judge(number, 1, trials);
            Assert.Equal(number == 0, verdict is Verdict.GoOn);
        }
        Assert.Equal("0.8 is 8th of 8 after 1 epoch; 2 go on", asha.Judge(7, 1, trials).Reason);
        Assert.Equal("0.2 is 2nd of 8 after 1 epoch; 2 go on", asha.Judge(1, 1, trials).Reason);
        Assert.IsType<Verdict.GoOn>(asha.Judge(1, 1, trials));
        Assert.IsType<Verdict.Stop>(asha.Judge(2, 1, trials));
    }

    /// <summary>With losses in random order about one in so many goes on, and a few more of the
    /// early ones.</summary>
    [Fact]
    public void AboutTheRightShareGoesOn()
    {
        ITrialScheduler asha = Schedulers.Create(new AshaSpec(4, 2), space, 4, 0, true);
        for (int seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            List<TrialProgress> trials = [];
            int goOn = 0;
            for (int number = 0; number < 200; number++)
            {
                trials.Add(At(number, 1, random.NextDouble()));
                goOn += asha.Judge(number, 1, trials) is Verdict.GoOn ? 1 : 0;
            }
            Assert.InRange(goOn, 40, 65);
        }
    }

    [Fact]
    public void BracketsSkipTheLowestRungsAndCostAboutTheSame()
    {
        var asha = new AshaScheduler(new AshaSpec(4, 4, 3), 64, true);
        int[] counts = new int[3];
        for (int number = 0; number < 1000; number++)
            counts[asha.BracketOf(number)]++;
        // In proportion to 1/4, 1/4/3 and 1/16/2.
        Assert.InRange(counts[0], 680, 695);
        Assert.InRange(counts[1], 225, 235);
        Assert.InRange(counts[2], 80, 90);
        int late = Enumerable.Range(0, 100).First(number => asha.BracketOf(number) == 2);
        List<TrialProgress> trials =
            [.. Enumerable.Range(0, late + 1).Select(number => At(number, 1, number))];
        Assert.Equal(
            new Verdict.GoOn("bracket 2 is not judged after 1 epoch"),
            asha.Judge(late, 1, trials));
        trials[late] = At(late, 16, 5);
        Assert.Equal(
            new Verdict.GoOn("5 is 1st of 1 after 16 epochs; 1 goes on in bracket 2"),
            asha.Judge(late, 16, trials));
    }

    [Fact]
    public void TheWorseHalfIsStopped()
    {
        ITrialScheduler median = Schedulers.Create(
            new MedianSpec(EveryEpochs: 2, GraceEpochs: 3, TrialsMin: 3), space, 10, 0, false);
        Assert.Equal([4, 6, 8], median.Rungs);
        TrialProgress[] trials = [At(0, 4, 1), At(1, 4, 2), At(2, 4, 3), At(3, 4, 2.5)];
        Assert.Equal(
            new Verdict.Stop("2.5 is worse than the median 2 of 3 others after 4 epochs"),
            median.Judge(3, 4, trials));
        Assert.IsType<Verdict.GoOn>(median.Judge(1, 4, trials));
        Assert.Equal(
            new Verdict.GoOn("2 others came to epoch 4; 3 are needed to compare"),
            median.Judge(0, 4, trials[..3]));
    }

    [Fact]
    public void WhatIsNoNumberIsStoppedAtOnce()
    {
        foreach (SchedulerSpec spec in new SchedulerSpec[]
            { new MedianSpec(), new AshaSpec(2), new PbtSpec(1) })
        {
            ITrialScheduler scheduler = Schedulers.Create(spec, space, 8, 0, true);
            TrialProgress[] trials = [new(0, [], false, []), At(1, 1, double.NaN)];
            Assert.Equal(
                new Verdict.Stop("its loss after 1 epoch is not a number"),
                scheduler.Judge(1, 1, trials));
        }
    }

    [Fact]
    public void WhomOneWaitsForIsNamed()
    {
        ITrialScheduler asha = Schedulers.Create(new AshaSpec(4, 2), space, 4, 0, true);
        TrialProgress[] trials =
            [new(0, [], false, []), new(1, [], true, []), new(2, [], false, []), At(3, 1, 0.5)];
        Assert.Equal(
            new Verdict.Wait("trials 0, 2 must come to epoch 1 first"), asha.Judge(3, 1, trials));
    }

    [Fact]
    public void NobodyStopsWithoutAScheduler()
    {
        ITrialScheduler none = Schedulers.Create(new NoSchedulerSpec(), space, 4, 0, true);
        Assert.Empty(none.Rungs);
        Assert.IsType<Verdict.GoOn>(none.Judge(0, 1, [At(0, 1, 1)]));
    }

    [Theory]
    [MemberData(nameof(BadSettings))]
    public void ProblemsAreNamed(SchedulerSpec spec, int epochs, string problem) =>
        Assert.Equal(problem, Schedulers.Problem(spec, epochs));

    [Fact]
    public void TheDefaultsAreFine()
    {
        Assert.Null(Schedulers.Problem(new NoSchedulerSpec(), 1));
        Assert.Null(Schedulers.Problem(new MedianSpec(), 2));
        Assert.Null(Schedulers.Problem(new AshaSpec(), 4));
        Assert.Null(Schedulers.Problem(new AshaSpec(Brackets: 3), 100));
        Assert.Null(Schedulers.Problem(new PbtSpec(2), 10));
    }

    public static TheoryData<SchedulerSpec, int, string> BadSettings => new()
    {
        { new AshaSpec(1), 9, "asha needs a divisor of 2 or more, not 1" },
        { new AshaSpec(), 3, "asha with divisor 4 needs 4 epochs or more; there are 3" },
        {
            new AshaSpec(RungsMax: 1), 9,
            "asha needs 2 rungs or more, the last epoch being one, not 1"
        },
        {
            new AshaSpec(Brackets: 4), 16,
            "asha has 3 rungs in 16 epochs with divisor 4, which is not enough for 4 brackets"
        },
        {
            new MedianSpec(4), 4,
            "median never judges: no epoch before the last of 4 is a multiple of 4 and at least 1"
        },
        { new MedianSpec(0), 4, "median judges every epoch or every few, not every 0" },
        { new PbtSpec(5), 5, "pbt needs an interval between 1 and 4 epochs, not 5" },
        { new PbtSpec(1, 0.6), 5, "pbt replaces a share above 0 and at most 0.5, not 0.6" },
        { new PbtSpec(1, 0.5, 2), 5, "pbt resamples with a probability from 0 to 1, not 2" },
    };

    private static TrialProgress At(int number, int epoch, double loss) =>
        new(number, [], false, [new(epoch, loss)]);
}
