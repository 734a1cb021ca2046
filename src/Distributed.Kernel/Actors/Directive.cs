namespace Distributed.Kernel;

/// <summary>What a supervisor does about a child that failed.</summary>
public enum Directive
{
    /// <summary>The child goes on with its next message and keeps its state.</summary>
    Resume,

    /// <summary>A new instance goes on with the next message of the same mailbox.</summary>
    Restart,

    /// <summary>The child is stopped for good.</summary>
    Stop,

    /// <summary>The supervisor fails in turn, with the same exception.</summary>
    Escalate,
}
