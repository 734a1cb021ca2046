namespace Distributed.Cli.Bench.AllReduce;

/// <summary>One rank's all-reduce, set up as a worker sets it up for training.</summary>
internal interface IRankReducer : IDisposable
{
    /// <summary>Where this rank's gradient lies; its sum replaces it.</summary>
    Memory<byte> Bucket { get; }

    /// <summary>Sums the first elements of all ranks' buckets; on return they may be
    /// written.</summary>
    void Reduce(long step, long elements);

    /// <summary>Returns once every rank has called it.</summary>
    void Barrier(long step);
}
