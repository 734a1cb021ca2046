using System.Globalization;
using Distributed.Cli.Commands;
using Distributed.Cluster.Configuration;
using Distributed.Kernel;

namespace Distributed.Cli.Nodes;

/// <summary>How many workers a host runs, and what each of them is told. Pure.</summary>
internal sealed record WorkerSlots(int Count, string Reason)
{
    /// <param name="settings">What the host is configured to.</param>
    /// <param name="countDevices">Asked where the number follows the GPUs.</param>
    public static WorkerSlots Of(WorkerSettings settings, Func<int> countDevices)
    {
        if (settings.Slots is { } slots)
            return new(slots, $"worker.slots is {slots}");
        int devices = settings.Device.Kind == DeviceKind.Cpu ? 0 : countDevices();
        if (devices == 0)
            return new(1, "worker.slots is auto, and there is no GPU to use");
        int counted = settings.Device.Index is null ? devices : 1;
        return new(
            counted * settings.SlotsPerDevice,
            $"worker.slots is auto: {settings.SlotsPerDevice} for each of {counted} GPU(s)");
    }

    /// <summary>The words of one worker's process: those of this command, and its own
    /// place.</summary>
    /// <param name="options">Those of this command.</param>
    /// <param name="settings">What they say.</param>
    /// <param name="name">Of the group.</param>
    /// <param name="slot">From 0.</param>
    public static IReadOnlyList<string> Arguments(
        NodeOptions options, ClusterSettings settings, string name, int slot)
    {
        List<string> own =
        [
            "worker.slots=1",
            Number("worker.first-slot", settings.Worker.FirstSlot + slot),
            $"worker.name={NameOf(name, slot)}",
        ];
        // Each has a port of its own; any free one is.
        if (settings.Remote.Port is { } port and > 0)
            own.Add(Number("remote.port", port + slot));
        if (settings.Remote.PublicPort > 0)
            own.Add(Number("remote.public-port", settings.Remote.PublicPort + slot));
        return
        [
            "worker", NodeCommandLines.SupervisedFlag,
            .. options.ConfigurationFile is { } file ? ["--config", file] : Array.Empty<string>(),
            .. options.Settings.Concat(own).SelectMany(setting => new[] { "--set", setting }),
        ];
    }

    /// <summary>The name of one worker of a group.</summary>
    public static string NameOf(string name, int slot) =>
        string.Create(CultureInfo.InvariantCulture, $"{name}-{slot}");

    private static string Number(string key, int value) =>
        string.Create(CultureInfo.InvariantCulture, $"{key}={value}");
}
