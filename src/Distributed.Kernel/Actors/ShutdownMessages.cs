namespace Distributed.Kernel;

/// <summary>
/// Tells <see cref="CoordinatedShutdown"/> what to do in a phase. A task of the same name replaces
/// an earlier one, so that an actor may send this at each of its starts.
/// </summary>
/// <param name="Name">Unique over all phases; stands in the log.</param>
/// <param name="Start">
/// Called in the phase with the context of the shutdown actor, mostly to tell another actor. If it
/// throws, that is logged and the task is over.
/// </param>
/// <param name="IsDoneAtOnce">
/// Whether the task is over when <paramref name="Start"/> returns; otherwise it lasts until a
/// <see cref="ShutdownTaskDone"/> of its name.
/// </param>
public sealed record AddShutdownTask(
    ShutdownPhase Phase, string Name, Action<IActorContext> Start, bool IsDoneAtOnce = false);

/// <summary>Takes back an <see cref="AddShutdownTask"/> that has not begun.</summary>
public sealed record RemoveShutdownTask(string Name);

/// <summary>Reports to <see cref="CoordinatedShutdown"/> that a task is over.</summary>
public sealed record ShutdownTaskDone(string Name);

/// <summary>Starts the shutdown; all but the first of these are ignored.</summary>
public sealed record RunShutdown(string Reason);

/// <summary>Asks <see cref="CoordinatedShutdown"/> for its <see cref="ShutdownState"/>.</summary>
public sealed record GetShutdownState;

/// <param name="Reason">Null while nothing is being shut down.</param>
/// <param name="Phase">The phase that goes on; null before the first and after the last.</param>
/// <param name="Waiting">The names of the tasks that the phase still waits for.</param>
public sealed record ShutdownState(
    string? Reason, ShutdownPhase? Phase, IReadOnlyList<string> Waiting);
