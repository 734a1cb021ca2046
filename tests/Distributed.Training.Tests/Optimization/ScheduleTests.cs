using Distributed.Training.Optimization;
using Distributed.Training.Specification;
using FsCheck.Xunit;

namespace Distributed.Training.Tests.Optimization;

/// <summary>
/// Goal: the rate of any step is right and needs no step before it. Method: values worked out by
/// hand, the C library's cosine as an oracle, and bounds for drawn schedules.
/// </summary>
public sealed class ScheduleTests
{
    private static double Rate(ScheduleSpec schedule, long stepsDone) =>
        Schedule.LearningRate(schedule, 0.1, stepsDone, totalSteps: 100, stepsPerEpoch: 20);

    [Fact]
    public void Constant_stays()
    {
        Assert.Equal(0.1, Rate(ScheduleSpec.Constant, 0));
        Assert.Equal(0.1, Rate(ScheduleSpec.Constant, 99));
    }

    [Fact]
    public void Warm_up_rises_to_the_full_rate_in_its_last_step()
    {
        var schedule = ScheduleSpec.Constant with { WarmupSteps = 4 };
        Assert.Equal([0.025, 0.05, 0.075, 0.1, 0.1],
            Enumerable.Range(0, 5).Select(step => Rate(schedule, step)), Near);
        var epochs = ScheduleSpec.Constant with { WarmupEpochs = 0.2 };
        Assert.Equal(Rate(schedule, 2), Rate(epochs, 2));
    }

    [Fact]
    public void Step_multiplies_at_the_ends_of_epochs()
    {
        var schedule = ScheduleSpec.Step(stepEpochs: 2, gamma: 0.5);
        Assert.Equal(0.1, Rate(schedule, 39));
        Assert.Equal(0.05, Rate(schedule, 40));
        Assert.Equal(0.025, Rate(schedule, 80));
    }

    [Fact]
    public void Cosine_falls_to_the_final_fraction()
    {
        var schedule = ScheduleSpec.Cosine(finalFraction: 0.2);
        Assert.Equal(0.1, Rate(schedule, 0));
        Assert.Equal(0.06, Rate(schedule, 50), 1e-15);
        Assert.Equal(0.02, Rate(schedule, 100), 1e-15);
    }

    [Fact]
    public void One_cycle_rises_and_falls_in_straight_lines()
    {
        var schedule = ScheduleSpec.OneCycle(0.2, 0.25, 0.1);
        Assert.Equal(0.02, Rate(schedule, 0), 1e-15);
        Assert.Equal(0.1, Rate(schedule, 25), 1e-15);
        Assert.Equal(0.1 * (1 - (0.9 / 3)), Rate(schedule, 50), 1e-15);
        Assert.Equal(0.01, Rate(schedule, 100), 1e-15);
    }

    [Fact]
    public void The_cosine_is_the_cosine()
    {
        for (var index = 0; index <= 10_000; index++)
        {
            var x = index / 10_000.0;
            Assert.Equal(Math.Cos(Math.PI * x), Schedule.CosineOfPi(x), 1e-15);
        }
        Assert.Equal(1, Schedule.CosineOfPi(0));
        Assert.Equal(-1, Schedule.CosineOfPi(1));
    }

    [Property(MaxTest = 200)]
    public void No_rate_leaves_its_bounds(int seed)
    {
        var random = new Random(seed);
        var schedule = Specification.RandomSpecs.Make(seed).Schedule;
        var total = random.Next(1, 1000);
        var stepsPerEpoch = random.Next(1, 100);
        for (var step = 0; step < total; step++)
        {
            var rate = Schedule.LearningRate(schedule, 1, step, total, stepsPerEpoch);
            Assert.InRange(rate, 0, 1 + 1e-12);
        }
    }

    private static bool Near(double expected, double actual) => Math.Abs(expected - actual) < 1e-15;
}
