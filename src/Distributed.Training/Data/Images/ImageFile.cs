using Distributed.Kernel;
using StbImageSharp;

namespace Distributed.Training.Data;

/// <summary>PNG and JPEG files of the user's own.</summary>
public static class ImageFile
{
    private static readonly string[] Extensions = [".png", ".jpg", ".jpeg"];

    public static bool HasImageExtension(string path) =>
        Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Reads an image and fits it to a shape: scaled until it covers it, then cropped to its
    /// middle; made grey for one channel. Channel after channel, as a dataset holds images.
    /// </summary>
    public static byte[] Read(string path, ImageShape shape)
    {
        Invariant.Check(shape.Channels is 1 or 3, "an image file fills 1 or 3 channels");
        var fitted = ImageScaler.Cover(Decode(path), shape.Height, shape.Width);
        var planes = new byte[shape.Length];
        fitted.WritePlanes(shape.Channels, planes);
        return planes;
    }

    /// <summary>Transparency is dropped, as torchvision's ImageFolder does.</summary>
    internal static DecodedImage Decode(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, error.Message, error);
        }
        if (ProblemWithEnds(bytes) is { } problem)
        {
            throw Unreadable(path, problem, null);
        }
        try
        {
            var image = ImageResult.FromMemory(bytes, ColorComponents.RedGreenBlue);
            return new DecodedImage(image.Width, image.Height, image.Data);
        }
        catch (Exception error)
        {
            // The decoder reports bad input through whatever it happens to trip over.
            throw Unreadable(path, error.Message, error);
        }
    }

    /// <summary>
    /// The decoder takes a JPEG that is cut off for a whole one, so look here first.
    /// </summary>
    private static string? ProblemWithEnds(ReadOnlySpan<byte> bytes)
    {
        var isPng = bytes.StartsWith<byte>([0x89, 0x50, 0x4E, 0x47]);
        var isJpeg = bytes.StartsWith<byte>([0xFF, 0xD8]);
        if (!isPng && !isJpeg)
        {
            return "neither PNG nor JPEG";
        }
        // A thumbnail inside a JPEG has an end mark too, but lies at the front.
        var end = isPng ? bytes.LastIndexOf("IEND"u8) : bytes.LastIndexOf<byte>([0xFF, 0xD9]);
        return end < bytes.Length / 2 ? "cut off before its end" : null;
    }

    private static OperatingException Unreadable(string path, string why, Exception? inner) => new(
        $"image {path} cannot be read ({why}), expected a PNG or JPEG file; replace or remove it",
        inner: inner);
}
