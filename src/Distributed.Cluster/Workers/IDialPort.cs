using Distributed.Cluster.Coordination;
using Distributed.Kernel;

namespace Distributed.Cluster.Workers;

/// <summary>The port through which a worker reaches coordinators.</summary>
public interface IDialPort
{
    /// <summary>
    /// Opens a control stream and introduces the worker. Answered to it with
    /// <see cref="LinkOpened"/> and then, in order, a <see cref="LinkMessage"/> for each message
    /// of the coordinator, an <see cref="AttachmentLeft"/> for each attachment told to the link,
    /// and one <see cref="LinkClosed"/>; or with <see cref="DialFailed"/>.
    /// </summary>
    void Dial(string address, WorkerIdentity identity, IActorRef worker);
}

/// <summary>
/// One end of a control stream: what it is told arrives at the other end at most once and in order,
/// or not at all when the stream breaks first.
/// </summary>
public interface IControlLink : IActorRef
{
    /// <summary>
    /// Ends the stream after what was told before. Both ends hear that it is closed.
    /// </summary>
    void Close(string reason);
}

/// <summary>The stream is open; the worker may tell the link.</summary>
public sealed record LinkOpened(IControlLink Link);

/// <summary>The coordinator sent this.</summary>
public sealed record LinkMessage(IControlLink Link, CoordinatorMessage Message);

/// <summary>
/// The stream has taken an attachment that it was told: there is room for another one.
/// </summary>
public sealed record AttachmentLeft(IControlLink Link);

/// <summary>The stream has ended; nothing more comes from it.</summary>
public sealed record LinkClosed(IControlLink Link, string Reason);

/// <summary>No stream could be opened.</summary>
public sealed record DialFailed(string Address, string Reason);
