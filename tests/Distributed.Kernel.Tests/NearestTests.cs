namespace Distributed.Kernel.Tests;

public sealed class NearestTests
{
    private static readonly string[] Known =
        ["dataset", "globalBatch", "logicalShards", "seed", "model", "lr"];

    [Theory]
    [InlineData("datset", "dataset")]
    [InlineData("datasett", "dataset")]
    [InlineData("adtaset", "dataset")]
    [InlineData("GLOBALBATCH", "globalBatch")]
    [InlineData("logicShards", "logicalShards")]
    [InlineData("sed", "seed")]
    [InlineData("rl", "lr")]
    [InlineData("zebra", null)]
    [InlineData("x", null)]
    [InlineData("", null)]
    public void The_nearest_known_word_is_found_when_one_is_near(string word, string? expected) =>
        Assert.Equal(expected, Nearest.Of(word, Known));

    [Theory]
    [InlineData("", "abc", 3)]
    [InlineData("abc", "abc", 0)]
    [InlineData("ca", "abc", 3)]
    [InlineData("abcd", "badc", 2)]
    [InlineData("kitten", "sitting", 3)]
    public void Distances_are_as_defined(string left, string right, int edits)
    {
        Assert.Equal(edits, Nearest.Distance(left, right));
        Assert.Equal(edits, Nearest.Distance(right, left));
    }
}
