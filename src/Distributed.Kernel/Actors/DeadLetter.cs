namespace Distributed.Kernel;

/// <summary>Why a message reached nobody.</summary>
public enum DeadLetterReason
{
    /// <summary>The receiver has stopped, or is about to.</summary>
    Stopped,

    /// <summary>The receiver's mailbox held as many messages as it may.</summary>
    MailboxFull,

    /// <summary>The receiver's stash held as many messages as its mailbox may.</summary>
    StashFull,

    /// <summary>The receiver did not know what to do with it.</summary>
    Unhandled,

    /// <summary>It was a reply to nobody, or was sent to the dead letters themselves.</summary>
    NoRecipient,

    /// <summary>It was a second reply to a question, or came after the deadline.</summary>
    AskOver,
}

/// <summary>
/// A message that reached nobody. Subscribe to this type to see them all, save those that were
/// themselves dead letters.
/// </summary>
public sealed record DeadLetter(
    object Message, IActorRef? Sender, IActorRef Recipient, DeadLetterReason Reason);
