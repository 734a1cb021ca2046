using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Distributed.Kernel;

namespace Distributed.Training.Data;

/// <summary>One image file and its label; the name is relative to the folder of classes.</summary>
internal readonly record struct LabelledFile(string Path, string Name, int Label);

/// <summary>
/// What lies in an image folder, and which split each file belongs to. Either the folder has train/
/// and test/ with class folders in each, or it has the class folders itself; then a tenth of each
/// class is held out for testing, chosen by a hash of the file's name: adding images moves few of
/// the others, and every machine chooses the same.
/// </summary>
internal sealed record ImageFolderScan(
    IReadOnlyList<string> Classes, IReadOnlyList<LabelledFile> Train,
    IReadOnlyList<LabelledFile> Test)
{
    private const string TrainFolder = "train";
    private const string TestFolder = "test";
    private const int TestEvery = 10;

    public static ImageFolderScan Of(string folder)
    {
        var train = System.IO.Path.Combine(folder, TrainFolder);
        var test = System.IO.Path.Combine(folder, TestFolder);
        var (hasTrain, hasTest) = (Directory.Exists(train), Directory.Exists(test));
        if (hasTrain && hasTest)
        {
            var classes = ClassesIn(train);
            var testClasses = ClassesIn(test, classesMin: 1);
            if (testClasses.FirstOrDefault(name => !classes.Contains(name)) is { } unknown)
            {
                throw new OperatingException(
                    $"class folder {System.IO.Path.Combine(test, unknown)} has no counterpart in "
                    + $"{train}, expected the same classes in both; "
                    + (Nearest.Of(unknown, classes) is { } nearest
                        ? $"did you mean '{nearest}'?" : "add it there or remove it here"));
            }
            return new ImageFolderScan(
                classes,
                Shuffle(classes.SelectMany((name, label) => FilesOf(train, name, label))),
                Shuffle(testClasses.SelectMany(
                    name => FilesOf(test, name, classes.IndexOf(name)))));
        }
        if (hasTrain || hasTest)
        {
            var (present, absent) = hasTrain ? (train, test) : (test, train);
            throw new OperatingException(
                $"{folder} has {System.IO.Path.GetFileName(present)}/ but no "
                + $"{System.IO.Path.GetFileName(absent)}/, expected both or neither; add {absent}, "
                + $"or use {present} as the dataset to have a tenth of it held out");
        }
        return Split(folder);
    }

    /// <summary>Changes when a file comes, goes, or is written again.</summary>
    public string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (split, files) in new[] { (TrainFolder, Train), (TestFolder, Test) })
        {
            foreach (var file in files)
            {
                var info = new FileInfo(file.Path);
                hash.AppendData(Encoding.UTF8.GetBytes(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{split}/{file.Name}\0{info.Length}\0{info.LastWriteTimeUtc.Ticks}\n")));
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static ImageFolderScan Split(string folder)
    {
        var classes = ClassesIn(folder);
        var train = new List<LabelledFile>();
        var test = new List<LabelledFile>();
        for (var label = 0; label < classes.Count; label++)
        {
            var files = Shuffle(FilesOf(folder, classes[label], label));
            var testCount = files.Length < 2 ? 0 : Math.Max(1, files.Length / TestEvery);
            test.AddRange(files.AsSpan(0, testCount));
            train.AddRange(files.AsSpan(testCount));
        }
        if (test.Count == 0)
        {
            throw new OperatingException(
                $"{folder} has one image a class, expected two or more so that some can be held "
                + "out for testing; add images");
        }
        return new ImageFolderScan(classes, Shuffle(train), Shuffle(test));
    }

    private static List<string> ClassesIn(string folder, int classesMin = 2)
    {
        var classes = Directory.GetDirectories(folder)
            .Select(path => System.IO.Path.GetFileName(path))
            .Where(name => !name.StartsWith('.'))
            .Order(StringComparer.Ordinal)
            .ToList();
        return classes.Count >= classesMin
            ? classes
            : throw new OperatingException(
                $"{folder} has {classes.Count} class folders, expected {classesMin} or more, each "
                + "with the PNG or JPEG files of one class; sort the images into folders");
    }

    private static LabelledFile[] FilesOf(string folder, string name, int label)
    {
        var classFolder = System.IO.Path.Combine(folder, name);
        var files = Directory
            .GetFiles(classFolder, "*", SearchOption.AllDirectories)
            .Where(ImageFile.HasImageExtension)
            .Select(path => new LabelledFile(
                path, System.IO.Path.GetRelativePath(folder, path).Replace('\\', '/'), label))
            .ToArray();
        return files.Length > 0
            ? files
            : throw new OperatingException(
                $"class folder {classFolder} has no images, expected .png, .jpg or .jpeg files; "
                + "add some or remove the folder");
    }

    /// <summary>An order that depends on the names alone, and mixes the classes.</summary>
    private static LabelledFile[] Shuffle(IEnumerable<LabelledFile> files) =>
    [
        .. files.OrderBy(file => HashOf(file.Name))
            .ThenBy(file => file.Name, StringComparer.Ordinal),
    ];

    private static ulong HashOf(string name)
    {
        // FNV-1a, then mixed because its high bits alone are poor for short names.
        var hash = 0xCBF29CE484222325;
        foreach (var value in Encoding.UTF8.GetBytes(name))
        {
            hash = (hash ^ value) * 0x100000001B3;
        }
        return CounterRandom.Mix(hash);
    }
}
