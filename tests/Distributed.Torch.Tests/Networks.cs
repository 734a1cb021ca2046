namespace Distributed.Torch.Tests;

/// <summary>The networks that several tests share.</summary>
internal static class Networks
{
    internal const string Course = """
        input channels=1 height=28 width=28
        conv name=conv1 in=1 out=16 kernel=5 stride=1 padding=2 groups=1 bias=1
        maxpool kernel=2 stride=2 padding=0
        relu
        conv name=conv2 in=16 out=36 kernel=5 stride=1 padding=2 groups=1 bias=1
        maxpool kernel=2 stride=2 padding=0
        relu
        flatten
        linear name=fc1 in=1764 out=128 bias=1
        relu
        linear name=fc2 in=128 out=10 bias=1
        loss smoothing=0
        """;

    /// <summary>Every kind of layer but dropout, whose random numbers are our own.</summary>
    internal const string EveryLayer = """
        input channels=3 height=16 width=16
        conv name=conv1 in=3 out=8 kernel=3 stride=1 padding=1 groups=1 bias=0
        batchnorm name=bn1 channels=8 eps=1e-05 momentum=0.1
        relu
        maxpool kernel=3 stride=2 padding=1
        residual name=layer1.0
        conv name=layer1.0.conv1 in=8 out=8 kernel=3 stride=1 padding=1 groups=2 bias=0
        batchnorm name=layer1.0.bn1 channels=8 eps=1e-05 momentum=0.1
        relu
        end
        relu
        residual name=layer2.0
        conv name=layer2.0.conv1 in=8 out=12 kernel=3 stride=2 padding=1 groups=1 bias=0
        batchnorm name=layer2.0.bn1 channels=12 eps=1e-05 momentum=0.1
        gelu
        shortcut
        conv name=layer2.0.downsample.0 in=8 out=12 kernel=1 stride=2 padding=0 groups=1 bias=0
        batchnorm name=layer2.0.downsample.1 channels=12 eps=1e-05 momentum=0.1
        end
        avgpool kernel=2 stride=2 padding=0
        conv name=conv2 in=12 out=6 kernel=1 stride=1 padding=0 groups=1 bias=1
        globalavgpool
        flatten
        linear name=fc in=6 out=5 bias=1
        loss smoothing=0.1
        """;

    /// <summary>What the fastest networks for CIFAR-10 are made of.</summary>
    internal const string Scaled = """
        input channels=3 height=16 width=16
        conv name=whiten in=3 out=24 kernel=2 stride=1 padding=0 groups=1 bias=1
        gelu
        conv name=conv1 in=24 out=8 kernel=3 stride=1 padding=1 groups=1 bias=0
        maxpool kernel=2 stride=2 padding=0
        batchnorm name=bn1 channels=8 eps=1e-12 momentum=0.4 scale=0
        gelu
        maxpool kernel=3 stride=3 padding=0
        flatten
        linear name=head in=32 out=5 bias=0
        scale factor=0.1111111111111111
        loss smoothing=0.2
        """;

    /// <summary>Small, with batch norm and dropout: what is hardest to repeat.</summary>
    internal const string NormAndDropout = """
        input channels=2 height=10 width=10
        conv name=conv1 in=2 out=6 kernel=3 stride=1 padding=1 groups=1 bias=1
        batchnorm name=bn1 channels=6 eps=1e-05 momentum=0.25
        relu
        maxpool kernel=2 stride=2 padding=0
        dropout p=0.25
        conv name=conv2 in=6 out=7 kernel=3 stride=1 padding=0 groups=1 bias=1
        gelu
        flatten
        dropout p=0.5
        linear name=fc1 in=63 out=20 bias=1
        relu
        linear name=fc2 in=20 out=4 bias=1
        """;
}
