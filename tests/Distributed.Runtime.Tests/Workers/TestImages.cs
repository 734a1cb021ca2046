using Distributed.Kernel;
using Distributed.Training.Data;
using Distributed.Training.Tests.Data;

namespace Distributed.Runtime.Tests.Workers;

/// <summary>
/// A folder of images, the same at every call: a bright band in another place for each class, under
/// noise.
/// </summary>
internal static class TestImages
{
    public const int TrainSamples = Classes * TrainPerClass;
    public const int TestSamples = Classes * TestPerClass;

    private const int Classes = 3;
    private const int TrainPerClass = 40;
    private const int TestPerClass = 5;
    private const int Side = 28;

    /// <summary>
    /// One cache for all tests: the variable that names it is the whole process's, and tests that
    /// run side by side must not delete each other's.
    /// </summary>
    private static readonly Lazy<string> Cache = new(() =>
    {
        string folder = Directory.CreateTempSubdirectory("training-cache-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        Environment.SetEnvironmentVariable(DatasetCatalog.CacheVariable, folder);
        return folder;
    });

    public static void Write(string folder)
    {
        _ = Cache.Value;
        Write(Path.Combine(folder, "train"), 0, TrainPerClass);
        Write(Path.Combine(folder, "test"), TrainPerClass, TestPerClass);
    }

    private static void Write(string folder, int first, int perClass)
    {
        for (int label = 0; label < Classes; label++)
        {
            string files = Path.Combine(folder, $"band{label}");
            Directory.CreateDirectory(files);
            for (int image = first; image < first + perClass; image++)
            {
                File.WriteAllBytes(
                    Path.Combine(files, $"{image:D3}.png"),
                    PngWriter.Write(Side, Side, 1, Draw(label, image)));
            }
        }
    }

    private static byte[] Draw(int label, int image)
    {
        ulong key = CounterRandom.Key(17, (ulong)label, (ulong)image);
        var pixels = new byte[Side * Side];
        for (int pixel = 0; pixel < pixels.Length; pixel++)
        {
            ulong noise = CounterRandom.UInt64(key, (ulong)pixel) % 100;
            bool isBright = pixel / Side / 10 == label;
            pixels[pixel] = (byte)((isBright ? 150UL : 0) + noise);
        }

        return pixels;
    }
}
