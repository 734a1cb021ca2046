using Distributed.Kernel;
using Distributed.Telemetry;
using Distributed.Training.Data;

namespace Distributed.Runtime.Showing;

/// <summary>Images of one shape side by side in one picture, row by row.</summary>
internal sealed class ImageTiles
{
    private const byte GapLevel = 96;

    private readonly ImageShape _tile;
    private readonly int _columns;
    private readonly int _scale;
    private readonly int _gap;
    private readonly byte[] _pixels;

    /// <param name="tile">Grey or RGB.</param>
    /// <param name="count">How many.</param>
    /// <param name="columns">Of the grid.</param>
    /// <param name="scale">Pixels of the picture for one of a tile, each way.</param>
    /// <param name="gap">Pixels between tiles and around them.</param>
    public ImageTiles(ImageShape tile, int count, int columns, int scale = 1, int gap = 1)
    {
        Invariant.Check(tile.Channels is 1 or 3, "a picture is grey or RGB");
        (_tile, _columns, _scale, _gap) = (tile, columns, scale, gap);
        int rows = (count + columns - 1) / columns;
        Picture = new ImageShape(
            tile.Channels, gap + (rows * ((tile.Height * scale) + gap)),
            gap + (columns * ((tile.Width * scale) + gap)));
        _pixels = new byte[Picture.Length];
        if (gap > 0)
            Array.Fill(_pixels, GapLevel);
    }

    /// <summary>Of the whole.</summary>
    public ImageShape Picture { get; }

    /// <param name="index">The tile's place.</param>
    /// <param name="pixels">Channel by channel, as a dataset holds them.</param>
    public void Set(int index, ReadOnlySpan<byte> pixels)
    {
        int top = _gap + (index / _columns * ((_tile.Height * _scale) + _gap));
        int left = _gap + (index % _columns * ((_tile.Width * _scale) + _gap));
        for (int channel = 0; channel < _tile.Channels; channel++)
        {
            for (int y = 0; y < _tile.Height; y++)
            {
                ReadOnlySpan<byte> row = pixels.Slice(
                    ((channel * _tile.Height) + y) * _tile.Width, _tile.Width);
                int place = (((channel * Picture.Height) + top + (y * _scale)) * Picture.Width)
                    + left;
                Span<byte> target = _pixels.AsSpan(place, _tile.Width * _scale);
                Widen(row, target, _scale);
                for (int copy = 1; copy < _scale; copy++)
                    target.CopyTo(_pixels.AsSpan(place + (copy * Picture.Width)));
            }
        }
    }

    private static void Widen(ReadOnlySpan<byte> row, Span<byte> target, int scale)
    {
        if (scale == 1)
        {
            row.CopyTo(target);
            return;
        }

        for (int x = 0; x < row.Length; x++)
            target.Slice(x * scale, scale).Fill(row[x]);
    }

    public byte[] ToPng() => PngImage.Encode(_pixels, Picture);

    public void AddTo(SummaryBuilder summary, string tag, string description) => summary.Image(
        tag, Picture.Width, Picture.Height, Picture.Channels, ToPng(), description);
}
