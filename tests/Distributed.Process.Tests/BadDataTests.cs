using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Distributed.Process.Tests;

/// <summary>A damaged file of a dataset is named before anything is trained on it.</summary>
[Collection(ProcessCollection.Name)]
public sealed class BadDataTests(Workplace workplace)
{
    private const string Images = "train-images.idx";
    private const string Labels = "train-labels.idx";

    // A label file has a header of magic number and count, then a byte a label.
    private const int FirstLabel = 8;

    [Fact]
    public void ATruncatedFile() => Refuses(
        Images,
        file =>
        {
            using var stream = new FileStream(file, FileMode.Open);
            stream.SetLength(stream.Length - 100);
        },
        "bytes|expected");

    [Fact]
    public void AWrongMagicNumber() => Refuses(
        Images, file => RunFolder.Damage(file, position: 2), "magic|expected");

    [Fact]
    public void AWrongChecksum() => Refuses(
        Images, file => RunFolder.Damage(file), "SHA-256|expected");

    [Fact]
    public void ALabelOutOfRange() => Refuses(
        Labels,
        file =>
        {
            byte[] content = File.ReadAllBytes(file);
            content[FirstLabel + 5] = DrawnImages.ClassCount;
            File.WriteAllBytes(file, content);
            Vouch(file, content);
        },
        $"label {DrawnImages.ClassCount}|expected");

    [Fact]
    public void AMissingFile() => Refuses(Labels, File.Delete, "is missing|--force");

    private void Refuses(string name, Action<string> damage, string words)
    {
        Workplace damaged = workplace.WithOwnCache();
        string file = Assert.Single(
            Directory.GetFiles(damaged.CacheFolder, name, SearchOption.AllDirectories));
        damage(file);

        using CommandRun run = damaged.StartTraining(
            Recipe.CourseCnn, damaged.NewPath("data"), workers: 1);
        CommandResult result = run.Finish().Expect(1);

        string error = result.OnlyError();
        Assert.Contains(file, error);
        Assert.All(words.Split('|'), word => Assert.Contains(word, error));
        Assert.Empty(result.Output);
    }

    /// <summary>Has the manifest say that the file is as it was written.</summary>
    private static void Vouch(string file, byte[] content)
    {
        string manifest = Path.Combine(Path.GetDirectoryName(file)!, "manifest.json");
        JsonNode root = JsonNode.Parse(File.ReadAllText(manifest))!;
        root["files"]![Path.GetFileName(file)]!["sha256"] =
            Convert.ToHexStringLower(SHA256.HashData(content));
        File.WriteAllText(manifest, root.ToJsonString());
    }
}
