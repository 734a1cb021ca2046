using Distributed.Training.Data;

namespace Distributed.Runtime.Recording.Pictures;

/// <summary>A colour, 8 bits a channel.</summary>
internal readonly record struct Colour(byte Red, byte Green, byte Blue)
{
    public static Colour White { get; } = new(255, 255, 255);

    public static Colour Black { get; } = new(0, 0, 0);

    public static Colour Grey { get; } = new(110, 110, 110);

    /// <summary>From white at 0 to this one at 1.</summary>
    public Colour Tint(double strength) => new(
        Towards(Red, strength), Towards(Green, strength), Towards(Blue, strength));

    private static byte Towards(byte full, double strength) =>
        (byte)Math.Round(255 + ((full - 255) * Math.Clamp(strength, 0, 1)));
}

/// <summary>
/// A white picture to draw on, from the top left. What is outside is not drawn.
/// </summary>
internal sealed class Canvas(int width, int height)
{
    private readonly byte[] _planes = White(checked(3 * width * height));

    public int Width => width;

    public int Height => height;

    public void Dot(int x, int y, Colour colour)
    {
        if (x < 0 || y < 0 || x >= width || y >= height)
            return;
        int place = (y * width) + x, plane = width * height;
        _planes[place] = colour.Red;
        _planes[place + plane] = colour.Green;
        _planes[place + (2 * plane)] = colour.Blue;
    }

    public void Fill(int left, int top, int columns, int rows, Colour colour)
    {
        int begin = Math.Clamp(left, 0, width), end = Math.Clamp(left + columns, begin, width);
        int plane = width * height, length = end - begin;
        for (int y = Math.Max(0, top); y < Math.Min(height, top + rows); y++)
        {
            int place = (y * width) + begin;
            _planes.AsSpan(place, length).Fill(colour.Red);
            _planes.AsSpan(place + plane, length).Fill(colour.Green);
            _planes.AsSpan(place + (2 * plane), length).Fill(colour.Blue);
        }
    }

    /// <param name="text">One line.</param>
    /// <param name="left">Where it starts.</param>
    /// <param name="top">Where its highest letters start.</param>
    /// <param name="colour">Of the letters.</param>
    /// <param name="isUpwards">Turned to the left: it starts at the bottom and its top is
    /// <paramref name="left"/>.</param>
    public void Text(string text, int left, int top, Colour colour, bool isUpwards = false)
    {
        for (int place = 0; place < text.Length; place++)
        {
            ReadOnlySpan<byte> columns = BitmapFont.Letter(text[place]);
            for (int column = 0; column < BitmapFont.LetterWidth; column++)
            {
                for (int row = 0; row < BitmapFont.LetterHeight; row++)
                {
                    if ((columns[column] >> row & 1) == 0)
                        continue;
                    int along = (place * BitmapFont.Advance) + column;
                    if (isUpwards)
                        Dot(left + row, top - along, colour);
                    else
                        Dot(left + along, top + row, colour);
                }
            }
        }
    }

    /// <param name="pixels">Channel by channel, row by row.</param>
    /// <param name="shape">Grey or RGB.</param>
    /// <param name="left">Where it is put.</param>
    /// <param name="top">Where it is put.</param>
    /// <param name="scale">Dots a pixel, each way.</param>
    public void Picture(
        ReadOnlySpan<byte> pixels, ImageShape shape, int left, int top, int scale)
    {
        int plane = shape.Width * shape.Height;
        int green = shape.Channels == 1 ? 0 : plane, blue = 2 * green;
        for (int place = 0; place < plane; place++)
        {
            var colour = new Colour(pixels[place], pixels[place + green], pixels[place + blue]);
            Fill(
                left + (place % shape.Width * scale), top + (place / shape.Width * scale), scale,
                scale, colour);
        }
    }

    public byte[] ToPng() => PngImage.Encode(_planes, new ImageShape(3, height, width));

    private static byte[] White(int length)
    {
        var planes = new byte[length];
        planes.AsSpan().Fill(255);
        return planes;
    }
}
