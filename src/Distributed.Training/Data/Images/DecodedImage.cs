namespace Distributed.Training.Data;

/// <summary>An image as files hold them: RGB, interleaved, rows from the top.</summary>
internal sealed record DecodedImage(int Width, int Height, byte[] Pixels)
{
    public bool IsGrey
    {
        get
        {
            for (var index = 0; index < Pixels.Length; index += 3)
            {
                if (Pixels[index] != Pixels[index + 1] || Pixels[index] != Pixels[index + 2])
                {
                    return false;
                }
            }
            return true;
        }
    }

    /// <summary>
    /// Writes channel after channel: red, green, blue, or for one channel the brightness, weighted
    /// as ITU-R 601 has it (and Pillow's convert("L")).
    /// </summary>
    public void WritePlanes(int channels, Span<byte> target)
    {
        var plane = Width * Height;
        for (var pixel = 0; pixel < plane; pixel++)
        {
            var (red, green, blue) =
                (Pixels[3 * pixel], Pixels[(3 * pixel) + 1], Pixels[(3 * pixel) + 2]);
            if (channels == 1)
            {
                var weighted = (red * 19595) + (green * 38470) + (blue * 7471);
                target[pixel] = (byte)((weighted + 0x8000) >> 16);
                continue;
            }
            target[pixel] = red;
            target[pixel + plane] = green;
            target[pixel + (2 * plane)] = blue;
        }
    }
}
