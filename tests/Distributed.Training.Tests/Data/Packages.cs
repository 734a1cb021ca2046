using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Distributed.Training.Data;

namespace Distributed.Training.Tests.Data;

/// <summary>
/// Small packages of the same form as the real ones, and recipes that expect them.
/// </summary>
internal static class Packages
{
    public static byte[] Gzip(byte[] content)
    {
        using var file = new MemoryStream();
        using (var gzip = new GZipStream(file, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(content);
        }
        return file.ToArray();
    }

    public static byte[] Tgz(IEnumerable<(string Name, byte[] Content)> files)
    {
        using var archive = new MemoryStream();
        using (var tar = new TarWriter(archive, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "package/" + name)
                {
                    DataStream = new MemoryStream(content),
                });
            }
        }
        return Gzip(archive.ToArray());
    }

    public static byte[] Idx(byte type, int[] dimensions, byte[] content) =>
        [.. new IdxHeader(type, dimensions).ToBytes(), .. content];

    public static byte[] Images(int count, int seed = 0) => Idx(
        IdxHeader.UnsignedByte, [count, 28, 28],
        [.. Enumerable.Range(0, count * 784).Select(index => (byte)((index * 7) + seed))]);

    public static byte[] Labels(params byte[] labels) =>
        Idx(IdxHeader.UnsignedByte, [labels.Length], labels);

    public static (string Name, byte[] Content)[] MnistFiles(int train = 6, int test = 3) =>
    [
        ("train-images-idx3-ubyte", Images(train)),
        ("train-labels-idx1-ubyte", Labels([.. Enumerable.Range(0, train).Select(i => (byte)i)])),
        ("t10k-images-idx3-ubyte", Images(test, 3)),
        ("t10k-labels-idx1-ubyte", Labels([.. Enumerable.Range(0, test).Select(i => (byte)i)])),
    ];

    public static byte[] MnistPackage() =>
        Tgz(MnistFiles().Select(file => ("data/" + file.Name, file.Content)));

    /// <summary>
    /// Six sprites of six images; pixel p, channel c of image i is i*50 + p + c*80.
    /// </summary>
    public static List<(string Name, byte[] Content)> CifarFiles()
    {
        var names = Enumerable.Range(1, 5).Select(number => $"data_batch_{number}.png")
            .Append("test_batch.png");
        var files = names.Select((name, sprite) => (name, Sprite(sprite * 6))).ToList();
        files.Add(("train_lables.json", Json(Enumerable.Range(0, 30).Select(i => i % 10))));
        files.Add(("test_lables.json", Json(Enumerable.Range(0, 6))));
        return files;
    }

    public static byte CifarValue(int image, int channel, int pixel) =>
        (byte)((image * 50) + pixel + (channel * 80));

    public static byte[] Sprite(int firstImage, int images = 6)
    {
        var pixels = new byte[images * 3072];
        for (var index = 0; index < pixels.Length; index++)
        {
            var (image, rest) = Math.DivRem(index, 3072);
            pixels[index] = CifarValue(firstImage + image, rest % 3, rest / 3);
        }
        return PngWriter.Write(1024, images, 3, pixels, chunkBytes: 1000);
    }

    public static byte[] Json(IEnumerable<int> labels) =>
        Encoding.UTF8.GetBytes($"[{string.Join(',', labels)}]");

    /// <summary>
    /// Ten drawings a class; all pixels of drawing d of class c are (10c + d) / 255.
    /// </summary>
    public static List<(string Name, byte[] Content)> DoodleFiles(params string[] classes) =>
        [.. classes.Select((name, label) => (
            $"src/drawings/{name}.ndjson.gz",
            Gzip(Encoding.UTF8.GetBytes(string.Join("\r\n", Enumerable.Range(0, 10)
                .Select(drawing => Drawing((10 * label) + drawing)))))))];

    public static string Drawing(int value, int length = 784) =>
        $"[{string.Join(',', Enumerable.Repeat((value / 255.0).ToString("0.000"), length))}]";

    public static IReadOnlyList<DatasetRecipe> SmallRecipes(DatasetOptions options) =>
    [
        new SmallMnist(), new SmallFashionMnist(), new SmallCifar(),
        new SmallDoodle(options.Classes),
    ];

    private static readonly Dictionary<string, string> None = [];

    public sealed class SmallMnist : MnistRecipe
    {
        public override IReadOnlyDictionary<string, string> KnownSha256 => None;
        protected override IReadOnlyDictionary<string, string> OriginalMd5 => None;
    }

    public sealed class SmallFashionMnist : FashionMnistRecipe
    {
        public override IReadOnlyDictionary<string, string> KnownSha256 => None;
    }

    public sealed class SmallCifar : CifarRecipe
    {
        public override IReadOnlyDictionary<string, string> KnownSha256 => None;
        protected override int SpriteImages => 6;
    }

    public sealed class SmallDoodle(IReadOnlyList<string> classes) : DoodleRecipe(classes)
    {
        public override IReadOnlyDictionary<string, string> KnownSha256 => None;
        protected override int DrawingsPerClass => 10;
    }
}
