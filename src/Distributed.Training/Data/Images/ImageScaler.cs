namespace Distributed.Training.Data;

/// <summary>
/// Scales with a triangle filter as wide as the reduction, so that nothing of a large image is
/// skipped (Pillow's BILINEAR). Weights are integers: the result has the same bits everywhere.
/// </summary>
internal static class ImageScaler
{
    private const int WeightBits = 16;

    /// <summary>
    /// The largest middle part of the image that has the target's proportions, at the target's
    /// size.
    /// </summary>
    public static DecodedImage Cover(DecodedImage image, int height, int width)
    {
        if (image.Height == height && image.Width == width)
        {
            return image;
        }
        var scale = Math.Max((double)width / image.Width, (double)height / image.Height);
        var columns = Weights(image.Width, width, scale);
        var rows = Weights(image.Height, height, scale);
        var narrow = new byte[image.Height * width * 3];
        for (var y = 0; y < image.Height; y++)
        {
            Scale(
                image.Pixels.AsSpan(y * image.Width * 3), 3,
                narrow.AsSpan(y * width * 3), 3, columns);
        }
        var result = new byte[height * width * 3];
        for (var x = 0; x < width; x++)
        {
            Scale(narrow.AsSpan(x * 3), width * 3, result.AsSpan(x * 3), width * 3, rows);
        }
        return new DecodedImage(width, height, result);
    }

    /// <summary>
    /// For each target pixel the source pixels that make it up, and how much of each.
    /// </summary>
    private static (int First, int[] Weights)[] Weights(int source, int target, double scale)
    {
        var begin = (source - (target / scale)) / 2;
        var radius = Math.Max(1, 1 / scale);
        var result = new (int, int[])[target];
        for (var index = 0; index < target; index++)
        {
            var centre = begin + ((index + 0.5) / scale);
            var first = Math.Max((int)Math.Floor(centre - radius), 0);
            var end = Math.Min((int)Math.Ceiling(centre + radius), source);
            var shares = new double[end - first];
            for (var offset = 0; offset < shares.Length; offset++)
            {
                var distance = Math.Abs(first + offset + 0.5 - centre) / radius;
                shares[offset] = Math.Max(0, 1 - distance);
            }
            var sum = shares.Sum();
            result[index] = (first, Array.ConvertAll(
                shares, share => (int)Math.Round(share / sum * (1 << WeightBits))));
        }
        return result;
    }

    /// <summary>
    /// One line of RGB pixels, whose distance is <paramref name="sourceStep"/> bytes.
    /// </summary>
    private static void Scale(
        ReadOnlySpan<byte> source, int sourceStep, Span<byte> target, int targetStep,
        (int First, int[] Weights)[] pixels)
    {
        for (var index = 0; index < pixels.Length; index++)
        {
            var (first, weights) = pixels[index];
            for (var channel = 0; channel < 3; channel++)
            {
                var sum = 1L << (WeightBits - 1);
                for (var offset = 0; offset < weights.Length; offset++)
                {
                    var position = ((first + offset) * sourceStep) + channel;
                    sum += (long)weights[offset] * source[position];
                }
                target[(index * targetStep) + channel] =
                    (byte)Math.Clamp(sum >> WeightBits, 0, 255);
            }
        }
    }
}
