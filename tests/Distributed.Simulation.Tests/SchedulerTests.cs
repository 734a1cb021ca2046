using Distributed.Simulation.Time;
using FsCheck.Xunit;

namespace Distributed.Simulation.Tests;

/// <summary>Time only moves forward, and what is due together comes in any order.</summary>
public sealed class SchedulerTests
{
    [Property]
    public void Events_happen_in_the_order_of_their_time(ulong seed, ushort[] delays)
    {
        var scheduler = new Scheduler(seed);
        var journal = new Journal(scheduler);
        foreach (ushort delay in delays)
            scheduler.Post(delay, null, journal, (int)delay);

        while (scheduler.Step(ushort.MaxValue))
        {
        }

        Assert.Equal(delays.Select(delay => (int)delay).Order(), journal.Happened);
        Assert.Equal(journal.Happened.Select(delay => (long)delay), journal.Times);
    }

    [Fact]
    public void Events_of_the_same_time_come_in_different_orders()
    {
        var orders = new HashSet<string>();
        for (ulong seed = 0; seed < 50; seed++)
        {
            var scheduler = new Scheduler(seed);
            var journal = new Journal(scheduler);
            for (int number = 0; number < 3; number++)
                scheduler.Post(5, null, journal, number);
            while (scheduler.Step(5))
            {
            }

            orders.Add(string.Join(',', journal.Happened));
        }

        Assert.Equal(6, orders.Count);
    }

    [Fact]
    public void Nothing_happens_before_its_time()
    {
        var scheduler = new Scheduler(seed: 1);
        var journal = new Journal(scheduler);
        scheduler.Post(10, null, journal, 1);

        Assert.False(scheduler.Step(9));
        Assert.Equal(9, scheduler.NowNs);
        Assert.True(scheduler.Step(10));
        Assert.Equal([1], journal.Happened);
    }

    private sealed class Journal(Scheduler scheduler) : IEventHandler
    {
        public int Number => 0;

        public List<int> Happened { get; } = [];

        public List<long> Times { get; } = [];

        public void Handle(object message)
        {
            Happened.Add((int)message);
            Times.Add(scheduler.NowNs);
        }
    }
}
