using Distributed.Cli.Commands;
using Distributed.Cli.Nodes;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;

namespace Distributed.Cli.Tests;

/// <summary>Goal: a host runs as many workers as it is told to, or as its GPUs ask for.</summary>
public sealed class WorkerSlotsTests
{
    [Theory]
    [InlineData(3, "auto", 1, 8, 3)]
    [InlineData(null, "auto", 1, 0, 1)]
    [InlineData(null, "auto", 1, 4, 4)]
    [InlineData(null, "cuda", 2, 4, 8)]
    [InlineData(null, "cuda:1", 2, 4, 2)]
    [InlineData(null, "cpu", 2, 4, 1)]
    public void TheNumberIsTheOneGivenOrFollowsTheGpus(
        int? slots, string device, int perDevice, int devices, int expected)
    {
        var settings = new WorkerSettings
        {
            Slots = slots,
            SlotsPerDevice = perDevice,
            Device = DeviceRequest.TryParse(device)!,
        };
        WorkerSlots decided = WorkerSlots.Of(settings, () => devices);
        Assert.Equal(expected, decided.Count);
        Assert.Contains("worker.slots", decided.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void GpusAreNotCountedWhereTheNumberIsGiven() => WorkerSlots.Of(
        new WorkerSettings(), () => throw new InvalidOperationException("not asked"));

    /// <summary>The last of equal settings wins, so that its own come last.</summary>
    [Fact]
    public void EachWorkerHasTheCommandsSettingsAndItsOwnPlaceNameAndPorts()
    {
        var settings = new ClusterSettings
        {
            Remote = new() { Port = 5000, PublicPort = 6000 },
            Worker = new() { Slots = 4, FirstSlot = 8 },
        };
        Assert.Equal(
            "worker --supervised --config a.hocon --set worker.slots=4 --set worker.slots=1 "
            + "--set worker.first-slot=11 --set worker.name=h-3 --set remote.port=5003 "
            + "--set remote.public-port=6003",
            string.Join(
                ' ',
                WorkerSlots.Arguments(
                    new NodeOptions("a.hocon", ["worker.slots=4"], Supervised: false), settings,
                    "h", 3)));
    }

    [Fact]
    public void WithoutPortsEachTakesAnyFreeOne() => Assert.Equal(
        "worker --supervised --set worker.slots=1 --set worker.first-slot=0 --set worker.name=h-0",
        string.Join(
            ' ',
            WorkerSlots.Arguments(
                new NodeOptions(null, [], Supervised: false), new ClusterSettings(), "h", 0)));
}
