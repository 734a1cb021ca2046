namespace Distributed.Training.Models;

/// <summary>
/// The shape of one sample between layers: channels, height and width, or a flat vector of
/// features, which is held as channels.
/// </summary>
public readonly record struct FeatureShape(int Channels, int Height, int Width, bool IsFlat)
{
    public static FeatureShape Flat(long features) =>
        new(checked((int)features), 1, 1, IsFlat: true);

    public static FeatureShape Spatial(int channels, int height, int width) =>
        new(channels, height, width, IsFlat: false);

    public long Elements => (long)Channels * Height * Width;

    /// <summary>For example 16x14x14, or 128.</summary>
    public override string ToString() =>
        IsFlat ? $"{Channels}" : $"{Channels}x{Height}x{Width}";
}
