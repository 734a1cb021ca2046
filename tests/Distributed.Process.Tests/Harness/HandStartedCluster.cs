using System.Net;
using System.Net.Sockets;

namespace Distributed.Process.Tests;

/// <summary>
/// Coordinators and workers that are started one by one, as on several machines; all end with it.
/// </summary>
/// <param name="workplace">Where their commands run.</param>
/// <param name="store">What the coordinators share; an SQLite file unless it is given.</param>
internal sealed class HandStartedCluster(Workplace workplace, string? store = null) : IDisposable
{
    private readonly List<CommandRun> _nodes = [];
    private readonly string _store = store ?? workplace.NewPath("cluster") + ".db";

    /// <summary>Coordinators' addresses, as all nodes know them.</summary>
    public List<string> Seeds { get; } = [];

    private string SeedNodes => string.Join(',', Seeds.Select(seed => $"\"{seed}\""));

    /// <summary>Ports of the loopback that nobody listens on.</summary>
    public static string[] FreeAddresses(int count)
    {
        var listeners = new List<TcpListener>();
        for (int number = 0; number < count; number++)
        {
            var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            listeners.Add(listener);
        }

        string[] addresses = [.. listeners.Select(listener => $"{listener.LocalEndpoint}")];
        listeners.ForEach(listener => listener.Dispose());
        return addresses;
    }

    /// <summary>One of the seeds; returns when it listens.</summary>
    public CommandRun StartCoordinator(string address, params string[] settings)
    {
        CommandRun coordinator = Start(
            "coordinator", $"remote.port={address.Split(':')[1]}",
            $"coordination.store=\"{_store}\"", settings);
        coordinator.WaitForLine(_ => true, "its address");
        return coordinator;
    }

    /// <summary>Returns when the worker is a member.</summary>
    public CommandRun StartWorker(string name, params string[] settings)
    {
        CommandRun worker = Start("worker", $"worker.name={name}", "remote.port=0", settings);
        worker.WaitForError("joined");
        return worker;
    }

    /// <summary>Submits a run through one of the coordinators.</summary>
    public DisturbedRun Submit(Recipe recipe, string address, params string[] more) =>
        DisturbedRun.Start(
            workplace, recipe, ["--cluster", address, .. more], workplace.Start);

    public void Dispose()
    {
        foreach (CommandRun node in _nodes)
            node.Dispose();
    }

    private CommandRun Start(string command, string first, string second, string[] more)
    {
        string[] settings = [first, second, $"cluster.seed-nodes=[{SeedNodes}]", .. more];
        CommandRun node = workplace.Start(
            [command, .. settings.SelectMany(setting => new[] { "--set", setting })]);
        _nodes.Add(node);
        return node;
    }
}
