using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>
/// The change drawn for one sample: a pure function of (seed, step, shard, index in shard), and for
/// flips that alternate of (seed, epoch, sample), so a step that is done again, or by another
/// worker, sees the same images.
/// </summary>
public readonly record struct Augmentation(
    int CropRows, int CropColumns, int TranslateRows, int TranslateColumns, bool Flip,
    int CutoutTop, int CutoutBottom, int CutoutLeft, int CutoutRight)
{
    /// <summary>Marks a row or column of the result that no pixel of the source lands on.</summary>
    public const int Black = -1;

    /// <summary>
    /// Keeps this stream of random numbers apart from all others of the same seed.
    /// </summary>
    private const ulong AugmentationPurpose = 0x6175676D656E74; // "augment"

    /// <summary>As the other one, for the flips of a run's first epoch.</summary>
    private const ulong FirstFlipPurpose = 0x666C6970; // "flip"

    private enum Draw
    {
        CropRows,
        CropColumns,
        TranslateRows,
        TranslateColumns,
        Flip,
        CutoutRow,
        CutoutColumn,
    }

    /// <summary>
    /// Draws the change. Each choice has its own counter, so switching one on or off leaves the
    /// others as they were.
    /// </summary>
    public static Augmentation Of(
        AugmentationSettings settings, ImageShape shape,
        ulong seed, long step, int shard, int indexInShard)
    {
        var key = CounterRandom.Key(
            seed ^ AugmentationPurpose, (ulong)step, (ulong)shard, (ulong)indexInShard);
        var (top, bottom) = CutoutRange(key, Draw.CutoutRow, settings.CutoutPixels, shape.Height);
        var (left, right) = CutoutRange(key, Draw.CutoutColumn, settings.CutoutPixels, shape.Width);
        return new Augmentation(
            Shift(key, Draw.CropRows, settings.CropPaddingPixels),
            Shift(key, Draw.CropColumns, settings.CropPaddingPixels),
            Shift(key, Draw.TranslateRows, settings.TranslatePixels),
            Shift(key, Draw.TranslateColumns, settings.TranslatePixels),
            settings.HorizontalFlip == FlipMode.Random && Below(key, Draw.Flip, 2) == 1,
            top, bottom, left, right);
    }

    /// <summary>
    /// The change of a sample of a shard in an epoch: the draw, or the flip that alternates.
    /// </summary>
    public static Augmentation Of(
        AugmentationSettings settings, ImageShape shape, ulong seed, long step, int shard,
        int indexInShard, long epoch, long sample)
    {
        if (settings.ChangesNothing)
            return default;
        var change = Of(settings, shape, seed, step, shard, indexInShard);
        return settings.HorizontalFlip == FlipMode.Alternating
            ? change with { Flip = AlternatingFlip(seed, epoch, sample) }
            : change;
    }

    /// <summary>Whether an image is mirrored in an epoch, where flips alternate.</summary>
    public static bool AlternatingFlip(ulong seed, long epoch, long sample)
    {
        var key = CounterRandom.Key(seed ^ FirstFlipPurpose, 0);
        var isFirstFlipped = CounterRandom.Below(key, (ulong)sample, 2) == 1;
        return isFirstFlipped != ((epoch & 1) == 1);
    }

    /// <summary>For each row of the result, the row of the source it shows, or Black.</summary>
    public void SourceRows(Span<int> rows, CropPaddingMode mode) =>
        Sources(rows, TranslateRows, CropRows, mode);

    /// <summary>
    /// For each column of the result, the column of the source it shows, or Black.
    /// </summary>
    public void SourceColumns(Span<int> columns, CropPaddingMode mode)
    {
        Sources(columns, TranslateColumns, CropColumns, mode);
        if (Flip)
        {
            columns.Reverse();
        }
    }

    private static void Sources(Span<int> sources, int translate, int crop, CropPaddingMode mode)
    {
        var last = sources.Length - 1;
        for (var index = 0; index <= last; index++)
        {
            var shifted = index + translate;
            var source = shifted + crop;
            if (mode == CropPaddingMode.Reflect)
            {
                source = source < 0 ? -source : source > last ? (2 * last) - source : source;
            }
            var isOutside = (uint)shifted > (uint)last || (uint)source > (uint)last;
            sources[index] = isOutside ? Black : source;
        }
    }

    private static int Shift(ulong key, Draw draw, int pixelsMax) =>
        pixelsMax == 0 ? 0 : Below(key, draw, (2 * pixelsMax) + 1) - pixelsMax;

    private static (int Begin, int End) CutoutRange(ulong key, Draw draw, int pixels, int length)
    {
        if (pixels == 0)
        {
            return (0, 0);
        }
        var begin = Below(key, draw, length) - (pixels / 2);
        return (Math.Max(begin, 0), Math.Min(begin + pixels, length));
    }

    private static int Below(ulong key, Draw draw, int bound) =>
        (int)CounterRandom.Below(key, (ulong)draw, (uint)bound);
}
