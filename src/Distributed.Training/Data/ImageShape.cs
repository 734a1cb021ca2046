namespace Distributed.Training.Data;

/// <summary>
/// The shape of one image in channel-major order, as the network's input layer sees it.
/// </summary>
public readonly record struct ImageShape(int Channels, int Height, int Width)
{
    /// <summary>Values (bytes in a dataset, floats in a batch) of one image.</summary>
    public int Length => Channels * Height * Width;

    public override string ToString() => $"{Channels}x{Height}x{Width}";
}
