using FsCheck.Xunit;

namespace Distributed.Telemetry.Tests;

/// <summary>A worker's share of a test comes through whole, or not at all.</summary>
public sealed class TestShareTests
{
    [Fact]
    public void A_share_comes_back_as_it_was_sent()
    {
        var share = TestShare.TryParse(Share().ToBytes())!;
        Assert.Equal((2, 40, 9), (share.Epoch, share.Step, share.SamplesTotal));
        Assert.Equal(["cat", "dog", "emu"], share.ClassNames);
        Assert.Equal([4, 8], share.Indices);
        Assert.Equal([0, 2], share.Labels);
        Assert.Equal([1, 2], share.Predicted);
        Assert.Equal(new byte[] { 26, 204, 0 }, share.ProbabilitiesOf(0).ToArray());
        Assert.Equal(new byte[] { 0, 0, 255 }, share.ProbabilitiesOf(1).ToArray());
        Assert.Equal((1, 2, 2), (share.Channels, share.Height, share.Width));
        var (index, pixels) = Assert.Single(share.Pictures);
        Assert.Equal(4, index);
        Assert.Equal(new byte[] { 1, 2, 3, 4 }, pixels.ToArray());
    }

    /// <summary>Folders of images may have such names: no share is lost for them.</summary>
    [Fact]
    public void Names_that_are_no_good_are_mended_where_a_share_is_made()
    {
        var tooLong = new string('x', 63) + "\U0001F600";
        var share = new TestShare(1, 1, 1, [tooLong, "a\tb", ""]);
        share.Add(0, 0, [1, 0, 0]);
        Assert.Equal(
            [new string('x', 63), "a b", "?"], TestShare.TryParse(share.ToBytes())!.ClassNames);
    }

    /// <summary>Whatever passes can be used without another look at its bounds.</summary>
    [Property(MaxTest = 500)]
    public void Bytes_that_have_suffered_are_refused_or_within_bounds(int seed)
    {
        var random = new Random(seed);
        var bytes = Share().ToBytes();
        for (var change = random.Next(1, 4); change > 0; change--)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        }
        if (TestShare.TryParse(bytes.AsMemory(0, random.Next(bytes.Length + 1))) is not { } share)
        {
            return;
        }
        for (var sample = 0; sample < share.Count; sample++)
        {
            Assert.InRange(share.Indices[sample], 0, share.SamplesTotal - 1);
            Assert.InRange(share.Labels[sample], 0, share.ClassNames.Count - 1);
            Assert.InRange(share.Predicted[sample], 0, share.ClassNames.Count - 1);
            Assert.Equal(share.ClassNames.Count, share.ProbabilitiesOf(sample).Length);
        }
        Assert.All(share.Pictures, picture => Assert.Equal(
            share.Channels * share.Height * share.Width, picture.Pixels.Length));
    }

    private static TestShare Share()
    {
        var share = new TestShare(2, 40, 9, ["cat", "dog", "emu"]);
        share.Add(4, 0, [0.1f, 0.8f, float.NaN]);
        share.Add(8, 2, [0, -1, 2]);
        share.AddPicture(4, [1, 2, 3, 4], channels: 1, height: 2, width: 2);
        return share;
    }
}
