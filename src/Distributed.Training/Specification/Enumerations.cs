namespace Distributed.Training.Specification;

/// <summary>How the learning rate moves over a run.</summary>
public enum ScheduleKind
{
    Constant,
    Step,
    Cosine,
    OneCycle,
}

/// <summary>
/// Exact adds gradients in one fixed tree, so that the result never depends on the number of
/// workers; fast lets a ring add in any order.
/// </summary>
public enum ReductionMode
{
    Exact,
    Fast,
}

/// <summary>
/// What becomes of gradients that are sent as frames: bf16 rounds them and carries the rounding
/// errors over to the next step. Workers of one host that share memory send none, and so round
/// nothing.
/// </summary>
public enum CompressionKind
{
    None,
    Bf16,
}

/// <summary>
/// How gradients travel; auto takes shared memory within a host, gRPC between hosts, and both where
/// several hosts have several workers. Where all workers are of one host and have a GPU each, it
/// takes NCCL, over which gradients never leave the GPUs.
/// </summary>
public enum TransportKind
{
    Auto,
    Shm,
    Grpc,
    Nccl,
}

/// <summary>What an evaluation takes for the logits of an image.</summary>
public enum TestTimeAugmentation
{
    /// <summary>The network's for the image itself.</summary>
    None,

    /// <summary>The mean of those for the image and for its mirror image.</summary>
    Mirror,

    /// <summary>
    /// Half of that, and half the mean of the same for the image moved by a pixel, up and left, and
    /// down and right, where what comes in is reflected.
    /// </summary>
    MirrorAndShift,
}

/// <summary>
/// What a run shows in TensorBoard: scalars are its curves; full adds images, histograms, the
/// model, an embedding and what came of the test set. Auto is full for a run of its own, and
/// scalars for a trial of a sweep.
/// </summary>
public enum TensorBoardLevel
{
    Auto,
    Full,
    Scalars,
}

/// <summary>The element type of activations and of the products in forward and backward.</summary>
public enum PrecisionKind
{
    Fp32,
    Bf16,
}
