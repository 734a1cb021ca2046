using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Distributed.Training.Data;

/// <summary>What a run may ask of a dataset beyond its name; each choice is cached apart.</summary>
public sealed record DatasetOptions
{
    public static DatasetOptions Default { get; } = new();

    /// <summary>
    /// Height and width, in pixels, that an image folder is scaled and cropped to. Null takes the
    /// size of the first training image.
    /// </summary>
    public int? ImageSize { get; init; }

    /// <summary>The doodle classes, in label order. Empty takes the ten of the catalog.</summary>
    public IReadOnlyList<string> Classes { get; init; } = [];

    /// <summary>
    /// A short suffix that tells caches of different choices apart; empty for none.
    /// </summary>
    internal static string KeySuffix(string content) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)))[..12];

    internal string ImageSizeText =>
        ImageSize?.ToString(CultureInfo.InvariantCulture) ?? "first";
}
