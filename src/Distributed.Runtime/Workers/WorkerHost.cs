using Distributed.Cluster.Workers;
using Distributed.Kernel;

namespace Distributed.Runtime.Workers;

/// <summary>What a worker's actor tells its process.</summary>
/// <param name="shutdown">Told that the task of that name is done when the worker has left.</param>
internal sealed class WorkerHost(IActorRef shutdown, string leaveTask) : IActorRef
{
    private readonly TaskCompletionSource joined =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly TaskCompletionSource left =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private volatile string trouble = "";

    public string Path => "/host";

    /// <summary>Completes when the worker is a member for the first time.</summary>
    public Task Joined => joined.Task;

    /// <summary>Completes when the worker has left for good.</summary>
    public Task Left => left.Task;

    /// <summary>Why the last attempt to find a coordinator failed.</summary>
    public string Trouble => trouble;

    public void Tell(object message, IActorRef? sender = null)
    {
        switch (message)
        {
            case WorkerJoined:
                joined.TrySetResult();
                break;
            case NoCoordinator none:
                trouble = none.Reason;
                break;
            case WorkerLeft:
                left.TrySetResult();
                shutdown.Tell(new ShutdownTaskDone(leaveTask));
                break;
        }
    }
}
