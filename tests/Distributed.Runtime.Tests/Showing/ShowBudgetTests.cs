using Distributed.Runtime.Showing;

namespace Distributed.Runtime.Tests.Showing;

public sealed class ShowBudgetTests
{
    /// <summary>
    /// 12 ms of a second of steps, of which the next time and the run's end are kept free.
    /// </summary>
    [Theory]
    [InlineData(12, 0, true)]
    [InlineData(12.1, 0, false)]
    [InlineData(8, 2, true)]
    [InlineData(8, 2.1, false)]
    public void ASecondOfStepsAffordsTwelveMillisecondsInAll(
        double spentMs, double nextMs, bool isDue)
    {
        ShowDecision decision = ShowBudget.Decide(
            TimeSpan.FromMilliseconds(spentMs), TimeSpan.FromMilliseconds(nextMs),
            TimeSpan.FromSeconds(1));
        Assert.Equal(isDue, decision.IsDue);
        Assert.NotEmpty(decision.Reason);
    }

    [Fact]
    public void ATestIsShownEachEpochOfALargeDatasetAndSeldomOfATinyOne()
    {
        const long courseCnn = 6_700_000;
        Assert.Equal(1, ShowBudget.EpochsBetweenTests(60_000, 10_000, 10, courseCnn));
        Assert.InRange(ShowBudget.EpochsBetweenTests(800, 200, 10, courseCnn), 3, 30);
        Assert.InRange(ShowBudget.EpochsBetweenTests(10, 1 << 20, 345, 1), 1000, int.MaxValue);
    }
}
