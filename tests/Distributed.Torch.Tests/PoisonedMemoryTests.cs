using System.Runtime.InteropServices;

namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: no result depends on what memory held before. Method: the heap is filled with NaN and
/// freed between steps, so that a library that returns memory that it has not written shows it;
/// libtorch 1.13's GELU did.
/// </summary>
public sealed class PoisonedMemoryTests
{
    private const int Repetitions = 40;

    public static TheoryData<string, int> LayersAndSamples()
    {
        string[] layers =
        [
            "relu", "gelu", "gelu\nmaxpool kernel=2 stride=2 padding=0",
            "maxpool kernel=2 stride=2 padding=0", "maxpool kernel=3 stride=2 padding=1",
            "avgpool kernel=2 stride=2 padding=0", "dropout p=0.3",
            "batchnorm name=bn channels=5 eps=1e-05 momentum=0.1",
            "residual name=r\nconv name=c2 in=5 out=5 kernel=3 stride=1 padding=1 groups=1 bias=0\n"
                + "gelu\nend",
        ];
        var cases = new TheoryData<string, int>();
        foreach (var layer in layers)
        {
            foreach (var samples in new[] { 1, 3, 16 })
                cases.Add(layer, samples);
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(LayersAndSamples))]
    public void GradientsDoNotDependOnWhatMemoryHeld(string layer, int samples)
    {
        var network = "input channels=1 height=26 width=26\n"
            + "conv name=c1 in=1 out=5 kernel=3 stride=1 padding=0 groups=1 bias=1\n"
            + layer + "\nglobalavgpool\nflatten\nlinear name=fc in=5 out=3 bias=1\n"
            + "loss smoothing=0";
        using var bench = new Bench(network, samples);
        bench.Step();
        byte[] expected = [.. bench.Gradients.AsSpan<byte>()];
        for (var repetition = 0; repetition < Repetitions; repetition++)
        {
            Poison(repetition);
            bench.Step();
            Assert.True(
                bench.Gradients.AsSpan<byte>().SequenceEqual(expected),
                $"repetition {repetition} has other bits");
        }
    }

    private static unsafe void Poison(int repetition)
    {
        const int blocks = 60;
        var memory = new nint[blocks];
        for (var block = 0; block < blocks; block++)
        {
            var floats = 16 + (((repetition * 131) + (block * 977)) % 60_000);
            var start = NativeMemory.Alloc((nuint)floats * sizeof(float));
            new Span<float>(start, floats).Fill(float.NaN);
            memory[block] = (nint)start;
        }
        foreach (var start in memory)
            NativeMemory.Free((void*)start);
    }
}
