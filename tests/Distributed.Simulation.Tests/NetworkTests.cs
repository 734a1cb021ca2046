using Distributed.Simulation.Checks;
using Distributed.Simulation.Network;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Time;
using FsCheck;
using FsCheck.Xunit;

namespace Distributed.Simulation.Tests;

/// <summary>What the simulated streams promise, whatever latency is drawn.</summary>
public sealed class NetworkTests
{
    [Property]
    public void A_stream_keeps_its_order(ulong seed, PositiveInt count)
    {
        var two = new TwoProcesses(seed);

        for (int message = 0; message < count.Get; message++)
            two.Connection.Forward.Send(message);
        two.RunFor(60);

        Assert.Equal(Enumerable.Range(0, count.Get), two.Listener.Received);
    }

    [Property]
    public void A_broken_stream_has_delivered_a_prefix_and_both_ends_hear_of_it_once(
        ulong seed, PositiveInt count)
    {
        var two = new TwoProcesses(seed);

        for (int message = 0; message < count.Get; message++)
            two.Connection.Forward.Send(message);
        two.Connection.Break(Span.Second, "broken");
        two.Connection.Forward.Send(-1);
        two.RunFor(60);

        Assert.Equal(
            Enumerable.Range(0, two.Listener.Received.Count), two.Listener.Received);
        Assert.Equal(1, two.Listener.ClosedCount);
        Assert.Equal(1, two.Dialler.ClosedCount);
        Assert.Empty(two.Network.Connections);
    }

    [Property]
    public void What_is_sent_before_an_orderly_close_arrives(ulong seed, PositiveInt count)
    {
        var two = new TwoProcesses(seed);

        for (int message = 0; message < count.Get; message++)
            two.Connection.Forward.Send(message);
        two.Connection.Close(two.Connection.Dialler, "done");
        two.RunFor(60);

        Assert.Equal(count.Get, two.Listener.Received.Count);
        Assert.Equal((1, 1), (two.Listener.ClosedCount, two.Dialler.ClosedCount));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void A_partition_holds_packets_one_way_until_it_heals(bool outward, bool inward)
    {
        var two = new TwoProcesses(seed: 1);
        var partition = new Partition([true, false], outward, inward, slownessFactor: 0);
        two.Network.Begin(partition);

        two.Connection.Forward.Send(1);
        two.Connection.Backward.Send(2);
        two.RunFor(0.9);

        Assert.Equal(outward ? 0 : 1, two.Listener.Received.Count);
        Assert.Equal(inward ? 0 : 1, two.Dialler.Received.Count);

        two.Network.Heal(partition);
        two.RunFor(60);

        Assert.Equal((1, 1), (two.Listener.Received.Count, two.Dialler.Received.Count));
    }

    [Fact]
    public void A_partition_that_lasts_breaks_the_stream()
    {
        var two = new TwoProcesses(seed: 1);
        two.Network.Begin(new Partition([true, false], true, true, slownessFactor: 0));

        two.RunFor(60);

        Assert.Equal((1, 1), (two.Listener.ClosedCount, two.Dialler.ClosedCount));
    }

    [Fact]
    public void A_paused_process_gets_everything_late_and_a_dead_one_nothing()
    {
        var two = new TwoProcesses(seed: 1);
        two.Connection.Listener.Pause();
        two.Connection.Forward.Send(1);
        two.Connection.Forward.Send(2);
        two.RunFor(5);
        Assert.Empty(two.Listener.Received);

        two.Connection.Listener.Resume();
        two.RunFor(1);
        Assert.Equal([1, 2], two.Listener.Received);

        two.Connection.Forward.Send(3);
        ProcessLife dead = two.Connection.Listener;
        dead.Die();
        two.Network.OnDeath(dead, silently: false);
        two.RunFor(60);
        Assert.Equal([1, 2], two.Listener.Received);
        Assert.Equal((0, 1), (two.Listener.ClosedCount, two.Dialler.ClosedCount));
    }

    private sealed class TwoProcesses
    {
        private readonly Scheduler scheduler;

        public TwoProcesses(ulong seed)
        {
            scheduler = new Scheduler(seed);
            var checker = new Checker(scheduler);
            var conditions = new Conditions(seed, 2, 60 * Span.Second, FaultClasses.None);
            Network = new SimulatedNetwork(
                scheduler, checker, conditions, new NetworkHooks(), seed);
            ProcessLife[] lives =
            [
                .. Enumerable.Range(0, 2).Select(number => new ProcessLife(
                    new SimulatedMachine(number, "m" + number, MachineRole.Worker, 0), number,
                    scheduler, checker, conditions, seed)),
            ];
            Connection = Network.Connect(lives[0], lives[1], isControl: true);
            Connection.Forward.End = Listener;
            Connection.Backward.End = Dialler;
        }

        public SimulatedNetwork Network { get; }

        public Connection Connection { get; }

        public RecordingEnd Dialler { get; } = new();

        public RecordingEnd Listener { get; } = new();

        public void RunFor(double seconds)
        {
            long endNs = scheduler.NowNs + Span.OfSeconds(seconds);
            while (scheduler.Step(endNs))
            {
            }
        }
    }

    private sealed class RecordingEnd : IConnectionEnd
    {
        public List<int> Received { get; } = [];

        public int ClosedCount { get; private set; }

        public void Receive(object message) => Received.Add((int)message);

        public void Closed(string reason) => ClosedCount++;
    }
}
