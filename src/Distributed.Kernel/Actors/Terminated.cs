namespace Distributed.Kernel;

/// <summary>
/// The watched actor has stopped. An actor that passes this to
/// <see cref="IActorContext.Unhandled"/> fails with <see cref="DeathPactException"/>.
/// </summary>
/// <param name="ExistenceConfirmed">False when no such actor was known to exist.</param>
/// <param name="AddressTerminated">True when its whole process was given up.</param>
public sealed record Terminated(
    IActorRef Actor, bool ExistenceConfirmed = true, bool AddressTerminated = false);
