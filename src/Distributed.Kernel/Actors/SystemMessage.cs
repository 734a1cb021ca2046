namespace Distributed.Kernel;

/// <summary>What cells tell each other; handled before user messages and never dropped.</summary>
internal readonly record struct SystemMessage(
    SystemMessageKind Kind, ActorCell? Child = null, Exception? Reason = null);

internal enum SystemMessageKind
{
    Create,
    Stop,
    Resume,
    Restart,
    ChildFailed,
    ChildStopped,
}
