namespace Distributed.Cluster.Jobs;

/// <summary>
/// Something that a run shows beside its figures. It goes on record where it can and is lost where
/// it cannot: nothing waits for it, and nobody sends it again.
/// </summary>
/// <param name="Step">The committed step that it is about.</param>
/// <param name="Kind">What the payload is.</param>
/// <param name="Name">Of a projector file: a plain file name. Empty for others.</param>
/// <param name="Payload">As the kind says.</param>
public sealed record RunAttachment(
    long Step, AttachmentKind Kind, string Name, ReadOnlyMemory<byte> Payload);

/// <summary>What an attachment holds.</summary>
public enum AttachmentKind
{
    /// <summary>One encoded <c>tensorboard.Summary</c>, of any number of values.</summary>
    Summary,

    /// <summary>One encoded <c>tensorflow.GraphDef</c>: the model.</summary>
    Graph,

    /// <summary>A file of the embedding projector, whole.</summary>
    ProjectorFile,

    /// <summary>One encoded <c>TestShare</c>: a worker's share of an epoch's test.</summary>
    Predictions,
}
