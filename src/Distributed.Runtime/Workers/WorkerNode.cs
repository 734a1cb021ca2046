using Distributed.Cluster.Workers;
using Distributed.Kernel;
using Distributed.Runtime.Actors;
using Distributed.Runtime.DataPlane;
using Distributed.Runtime.Devices;
using Distributed.Runtime.Security;
using Distributed.Runtime.SharedMemory;
using Distributed.Runtime.Tracing;
using WorkerIdentity = Distributed.Cluster.Coordination.WorkerIdentity;

namespace Distributed.Runtime.Workers;

/// <summary>
/// A worker process: its actor, its training thread and its data plane. It outlives coordinators:
/// once it has been a member it looks for the next one as long as it runs.
/// </summary>
public sealed class WorkerNode : IAsyncDisposable
{
    private const string LeaveTask = "worker";

    private readonly WorkerIdentity _identity;
    private readonly RpcSecurity _security;
    private readonly ActorLoop _loop;
    private readonly DataPlaneServer _server;
    private readonly SharedMemoryHub _shared;
    private readonly DeviceChooser _devices;
    private readonly TrainingThread _training;
    private readonly ForwardedLog _log;

    private WorkerNode(
        WorkerIdentity identity, RpcSecurity security, ActorLoop loop, DataPlaneServer server,
        SharedMemoryHub shared, DeviceChooser devices, TrainingThread training, ForwardedLog log)
    {
        _devices = devices;
        _log = log;
        _identity = identity;
        _security = security;
        _loop = loop;
        _server = server;
        _shared = shared;
        _training = training;
    }

    /// <summary>Starts the data plane at "host:port"; port 0 takes any free one.</summary>
    /// <param name="name">Shown to people; empty for one made of host and process.</param>
    /// <param name="host">Keeps workers of one machine apart: those of other names share no memory
    /// with it.</param>
    /// <param name="roles">What the worker is for.</param>
    /// <param name="address">Where to listen.</param>
    /// <param name="announce">The address that peers dial, made of the port that was bound.</param>
    /// <param name="security">What peers must show, and coordinators are shown.</param>
    /// <param name="log">Takes the actors' log.</param>
    /// <param name="cancellation">Gives up the start.</param>
    /// <param name="traceEverySteps">Steps from one that is traced to the next.</param>
    /// <param name="version">The program's, shown to people.</param>
    /// <param name="device">For runs that leave it to the worker; null is auto.</param>
    /// <param name="slot">Of this worker among those of its host: GPUs go round them.</param>
    /// <exception cref="OperatingException">The address cannot be listened at.</exception>
    public static async Task<WorkerNode> StartAsync(
        string name, string host, IReadOnlyList<string> roles, string address,
        Func<int, string> announce, RpcSecurity security, Action<ActorLogRecord> log,
        CancellationToken cancellation, int traceEverySteps = StepTelemetry.EveryStepsDefault,
        string version = "", DeviceRequest? device = null, int slot = 0)
    {
        var hub = new DataPlaneHub(security);
        var shared = new SharedMemoryHub();
        DataPlaneServer server = await DataPlaneServer.StartAsync(address, hub, cancellation);
        ulong incarnation = ProcessSeed.Draw();
        int process = Environment.ProcessId;
        string place = shared.Place ?? "";
        if (place.Length > 0 && host.Length > 0)
            place += $"/{host}";
        var identity = new WorkerIdentity(
            name.Length > 0 ? name : $"{Environment.MachineName}-{process}", incarnation,
            place, process, announce(server.Address.Port), roles)
        {
            Version = version,
        };
        var forwarded = new ForwardedLog(log, TimeProvider.System);
        var loop = new ActorLoop("worker", incarnation, forwarded.Write);
        loop.Start();
        DeviceChooser devices = DeviceChooser.Of(device ?? DeviceRequest.Auto, slot);
        return new WorkerNode(
            identity, security, loop, server, shared, devices,
            new TrainingThread(
                hub, shared, TimeProvider.System,
                new StepTelemetry(identity.Name, traceEverySteps, TimeProvider.System), devices),
            forwarded);
    }

    /// <summary>
    /// Joins the cluster through one of the seeds and works for it until cancellation asks the
    /// worker to leave; it then hands its work over, within the grace.
    /// </summary>
    /// <remarks>Ends as well once the cluster has let the worker go.</remarks>
    /// <exception cref="OperatingException">
    /// No coordinator took the worker on before the deadline.
    /// </exception>
    public async Task WorkAsync(
        IReadOnlyList<string> seeds, WorkerTiming timing, TimeSpan joinDeadline,
        TimeSpan terminationGrace, CancellationToken cancellation)
    {
        IActorRef shutdown = _loop.Spawn(
            CoordinatedShutdown.ActorName, () => new CoordinatedShutdown(terminationGrace));
        var host = new WorkerHost(shutdown, LeaveTask);
        IActorRef worker = _loop.Spawn(
            "worker",
            () => new WorkerActor(
                _identity, seeds, new ControlDialer(_loop.System.DeadLetters, _security),
                _training, timing, host));
        shutdown.Tell(new AddShutdownTask(
            ShutdownPhase.ClusterLeave, LeaveTask,
            _ =>
            {
                if (host.Left.IsCompleted)
                    shutdown.Tell(new ShutdownTaskDone(LeaveTask));
                else
                    worker.Tell(new LeaveCluster("its process was asked to stop"));
            }));
        _log.Target = worker;
        using var vitals = new VitalsTimer(
            worker, _training, _log, _devices, TimeProvider.System);
        Task asked = Task.Delay(Timeout.Infinite, cancellation);
        Task first = await Task.WhenAny(
            host.Joined, asked, _loop.Ended, Task.Delay(joinDeadline, CancellationToken.None));
        if (first != host.Joined && first != asked && first != _loop.Ended)
        {
            throw new OperatingException(
                (host.Trouble.Length > 0
                    ? host.Trouble
                    : $"no coordinator answers at {string.Join(", ", seeds)}")
                + $" (tried for {joinDeadline.TotalSeconds:0} s): expected a coordinator at "
                + $"{string.Join(", ", seeds)}; start one, or name another with --set "
                + "cluster.seed-nodes=[HOST:PORT]");
        }

        first = await Task.WhenAny(asked, host.Left, _loop.Ended);
        shutdown.Tell(new RunShutdown(first == host.Left
            ? "the worker was asked to leave the cluster"
            : "the process was asked to stop"));
        await _loop.Ended;
    }

    public async ValueTask DisposeAsync()
    {
        _loop.Dispose();
        _shared.CancelAll("the worker is closing");
        _training.Dispose();
        _devices.Dispose();
        await _server.DisposeAsync();
    }
}
