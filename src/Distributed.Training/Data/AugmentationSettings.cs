namespace Distributed.Training.Data;

/// <summary>What lies outside an image that is shifted.</summary>
public enum CropPaddingMode
{
    /// <summary>Black pixels.</summary>
    Zero,

    /// <summary>The image mirrored at its border, the border itself not repeated.</summary>
    Reflect,
}

/// <summary>Which images are mirrored, left and right.</summary>
public enum FlipMode
{
    /// <summary>None.</summary>
    Off,

    /// <summary>Each with probability one half, drawn anew at every epoch.</summary>
    Random,

    /// <summary>
    /// Each with probability one half in the first epoch, and then the other way round from one
    /// epoch to the next, so that two epochs show every image both ways.
    /// </summary>
    Alternating,
}

/// <summary>
/// Random changes to training images. They apply in this order: crop, translate, flip, cutout. The
/// default changes nothing.
/// </summary>
public sealed record AugmentationSettings
{
    public static AugmentationSettings None { get; } = new();

    /// <summary>
    /// Pads each side by this many pixels, then cuts the original size out at a random place.
    /// </summary>
    public int CropPaddingPixels { get; init; }

    public CropPaddingMode CropPaddingMode { get; init; }

    public FlipMode HorizontalFlip { get; init; }

    /// <summary>
    /// Side of a square, around a random pixel and clipped at the border, that is set to the mean
    /// colour (0 after normalisation); 0 for none.
    /// </summary>
    public int CutoutPixels { get; init; }

    /// <summary>Shifts by up to this many pixels each way; what comes in is black.</summary>
    public int TranslatePixels { get; init; }

    public bool ChangesNothing =>
        CropPaddingPixels == 0 && HorizontalFlip == FlipMode.Off && CutoutPixels == 0
        && TranslatePixels == 0;

    /// <summary>
    /// Why these settings do not fit images of a shape, in one line, or null when they do.
    /// </summary>
    public string? ProblemFor(ImageShape shape)
    {
        var side = Math.Min(shape.Height, shape.Width);
        if (CropPaddingPixels < 0 || CropPaddingPixels >= side)
        {
            return $"crop padding is {CropPaddingPixels} pixels, expected 0 to {side - 1} for "
                + $"images of {shape}";
        }
        if (TranslatePixels < 0 || TranslatePixels >= side)
        {
            return $"translation is {TranslatePixels} pixels, expected 0 to {side - 1} for images "
                + $"of {shape}";
        }
        var longSide = Math.Max(shape.Height, shape.Width);
        if (CutoutPixels < 0 || CutoutPixels > longSide)
        {
            return $"cutout is {CutoutPixels} pixels, expected 0 to {longSide} for images of "
                + $"{shape}";
        }
        return null;
    }
}
