using System.Runtime.InteropServices;

using Distributed.Training.Data;

using Xunit.Abstractions;

namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: a step asks for no more of libtorch than it has to, because on a GPU nearly every
/// operation is a launch and a pass over memory. Method: on the CPU, where they can be counted
/// without a profiler, operations of a step of the presets by name, less those that compute nothing
/// and those that only hand on to others. What comes to be counted by another name raises the
/// count: then look at what it is. Limits are what libtorch 1.13 was seen to need. About 75 are
/// the batch and the loss; of airbench94's, 120 are the CPU's GELUs, each of which is 2 on a GPU;
/// each parameter's copies are those of its gradient and of oneDNN's layouts. A layer that left
/// channels-last would show as copies.
/// </summary>
public sealed partial class TrainerOperationTests(ITestOutputHelper output)
{
    /// <summary>Views, memory, and operations whose parts are counted.</summary>
    private static readonly string[] s_free =
    [
        "_convolution", "_reshape_alias", "_to_copy", "_unsafe_view", "_slow_conv2d_forward",
        "alias", "as_strided", "as_strided_", "avg_pool2d", "broadcast_tensors", "broadcast_to",
        "clone", "contiguous", "conv2d", "convolution", "detach", "detach_", "div_", "empty",
        "empty_like", "empty_strided", "expand", "expand_as", "fill_", "flatten", "full",
        "is_nonzero", "item", "lift_fresh", "linear", "max_pool2d", "narrow", "new_empty",
        "new_empty_strided", "permute", "requires_grad_", "reshape", "resize_", "resize_as_",
        "resolve_conj", "resolve_neg", "result_type", "select", "slice", "squeeze", "squeeze_",
        "t", "thnn_conv2d", "to", "transpose", "unfold", "unsqueeze", "unsqueeze_", "view",
        "view_as", "zeros", "zeros_like", "_local_scalar_dense",
    ];

    [Theory]
    [InlineData("mnist-cnn", 1, 28, 171)]
    [InlineData("resnet18", 3, 32, 487)]
    [InlineData("airbench94", 3, 32, 462)]
    public void AStepIsNoMoreOperationsThan(string preset, int channels, int size, int limit)
    {
        using var bench = new TrainerBench(
            TrainerGradientTests.Preset(preset, new ImageShape(channels, size, size)),
            Precision.Single, shardsMax: 1, isExact: false);
        bench.SetOptimizer();
        Step(1);
        Assert.Equal(0, Begin());
        Step(2);
        var operations = Counts();
        foreach (var (name, count) in operations)
            output.WriteLine($"{name} {count}");
        var total = operations.Values.Sum();
        output.WriteLine($"{total} of {limit}");
        var version = TorchLibrary.Describe().LibtorchVersion;
        if (!version.StartsWith("1.13", StringComparison.Ordinal))
        {
            output.WriteLine($"Not compared: limits are those of libtorch 1.13, not {version}.");
            return;
        }
        Assert.True(total <= limit, $"{preset}: {total} operations, expected {limit} at most");

        void Step(int number)
        {
            var samples = TrainerBench.Plain(0, 1);
            var shard = new ModelShard(samples.Length, 1, 1);
            bench.Step(samples, new Span<ModelShard>(ref shard),
                new() { LearningRate = 0.01, Step = number });
        }
    }

    private static unsafe SortedDictionary<string, int> Counts()
    {
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var text = NativeMethods.ReadText((byte* bytes, long capacity, out long needed) =>
            End(bytes, capacity, out needed));
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split(' ');
            var name = words[0]["aten::".Length..];
            if (!s_free.Contains(name))
                counts[name] = int.Parse(words[1]);
        }
        return counts;
    }

    [LibraryImport(NativeMethods.Library, EntryPoint = "dt_operations_begin")]
    private static partial int Begin();

    [LibraryImport(NativeMethods.Library, EntryPoint = "dt_operations_end")]
    private static unsafe partial int End(byte* text, long capacity, out long needed);
}
