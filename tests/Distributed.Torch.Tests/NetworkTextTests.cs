namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: a text that is no network is refused with its line and what is wrong there.
/// </summary>
public sealed class NetworkTextTests
{
    private const string Input = "input channels=3 height=8 width=8\n";
    private const string Tail = "\nflatten\nlinear name=fc in=192 out=2";

    [Theory]
    [InlineData("", "empty")]
    [InlineData("relu", "begins with")]
    [InlineData("input channels=0 height=8 width=8", "channels must be a whole number")]
    [InlineData("input channels=3 height=8", "\"width\" is missing")]
    [InlineData(Input + "rellu" + Tail, "unknown layer \"rellu\"")]
    [InlineData(Input + "relu x=1" + Tail, "unknown key \"x\"")]
    [InlineData(Input + "relu x" + Tail, "expected key=value")]
    [InlineData(Input + "conv in=3 out=2 kernel=3" + Tail, "\"name\" is missing")]
    [InlineData(Input + "conv name= in=3 out=2 kernel=3" + Tail, "no value")]
    [InlineData(Input + "conv name=a in=3 in=3 out=2 kernel=3" + Tail, "twice")]
    [InlineData(Input + "conv name=a in=x out=2 kernel=3" + Tail, "in must be a whole number")]
    [InlineData(Input + "conv name=a in=4 out=2 kernel=3" + Tail, "gives 3 channels")]
    [InlineData(Input + "conv name=a in=3 out=4 kernel=3 groups=2" + Tail, "groups must divide")]
    [InlineData(Input + "conv name=a in=3 out=4 kernel=9" + Tail, "does not fit into shape 3x8x8")]
    [InlineData(Input + "conv name=a in=3 out=9999999999999999999999 kernel=1" + Tail, "out must")]
    [InlineData(Input + "maxpool kernel=2 padding=2" + Tail, "at most half")]
    [InlineData(Input + "batchnorm name=b channels=5" + Tail, "gives 3")]
    [InlineData(Input + "dropout p=1" + Tail, "[0, 1)")]
    [InlineData(Input + "dropout p=nan" + Tail, "p must be a number")]
    [InlineData(Input + "linear name=a in=3 out=2", "put a flatten before")]
    [InlineData(Input + "flatten\nlinear name=a in=3 out=2", "gives 192 numbers")]
    [InlineData(Input + "relu", "must end with one number a class")]
    [InlineData(Input + "residual name=r\nrelu" + Tail, "no \"end\"")]
    [InlineData(Input + "end" + Tail, "nothing may follow")]
    [InlineData(Input + "flatten\nloss smoothing=1", "smoothing must be")]
    [InlineData(Input + "flatten\nloss smoothing=0\nrelu", "nothing may follow")]
    [InlineData(Input + "conv name=a in=3 out=3 kernel=1\nconv name=a in=3 out=3 kernel=1" + Tail,
        "\"a\" is taken")]
    [InlineData(Input + "residual name=r\nconv name=a in=3 out=4 kernel=1\nend" + Tail,
        "the branch gives shape 4x8x8 and the shortcut 3x8x8")]
    public void WhatIsWrongIsSaid(string text, string expected)
    {
        TorchLibrary.Initialize(1);
        var failure = Assert.Throws<TorchException>(() => TorchModel.Create(text));
        Assert.Equal(TorchErrorCode.InvalidArgument, failure.Code);
        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public void TheLineIsNamed()
    {
        TorchLibrary.Initialize(1);
        var failure = Assert.Throws<TorchException>(
            () => TorchModel.Create(Input + "\nrelu\n  conv name=a in=4 out=2 kernel=3"));
        Assert.StartsWith("network line 4 \"conv name=a in=4 out=2 kernel=3\": ", failure.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void BlocksNestOnlySoDeep()
    {
        TorchLibrary.Initialize(1);
        var text = Input + string.Concat(Enumerable.Range(0, 100_000).Select(i =>
            $"residual name=r{i}\n"));
        var failure = Assert.Throws<TorchException>(() => TorchModel.Create(text));
        Assert.Contains("nest deeper", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>Names inside a block may be full or relative, and come out full.</summary>
    [Fact]
    public void NamesInsideABlockComeOutInFull()
    {
        TorchLibrary.Initialize(1);
        using var model = TorchModel.Create(Input + """
            residual name=layer1.0
            conv name=conv1 in=3 out=4 kernel=1 bias=0
            shortcut
            conv name=layer1.0.downsample.0 in=3 out=4 kernel=1 bias=0
            end
            globalavgpool
            linear name=fc in=4 out=2
            """);
        Assert.Equal(
            ["layer1.0.conv1.weight", "layer1.0.downsample.0.weight", "fc.weight", "fc.bias"],
            model.Parameters.Select(tensor => tensor.Name));
        Assert.All(model.Parameters, tensor => Assert.Equal(0, tensor.Offset % 16));
        Assert.Equal(2, model.Classes);
    }

    [Fact]
    public void ABucketOfNoBytesIsRefused()
    {
        TorchLibrary.Initialize(1);
        Assert.Throws<TorchException>(() => TorchModel.Create(Networks.Course, bucketBytes: 0));
    }
}
