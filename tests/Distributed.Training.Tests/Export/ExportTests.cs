using System.Diagnostics;
using System.Runtime.InteropServices;
using Distributed.Kernel;
using Distributed.Training.Checkpoints;
using Distributed.Training.Data;
using Distributed.Training.Export;
using Distributed.Training.Models;
using Distributed.Training.Specification;
using Distributed.Training.Tests.Checkpoints;

namespace Distributed.Training.Tests.Export;

/// <summary>
/// Goal: others can use what was trained. Method: a strict reader works out every shape of an
/// exported graph anew and compares it with the network's; ONNX's own checker and shape inference
/// where they are installed.
/// </summary>
public sealed class ExportTests : IDisposable
{
    private const string Python = "/usr/bin/python3";

    private const string EveryLayer = """
        - whitening
        - conv: {filters: 4, kernel: 3, groups: 1, stride: 2, bias: false}
        - batchNorm: {scale: false}
        - batchNorm: {epsilon: 1e-3}
        - gelu
        - residual: {layers: [{conv: {filters: 8, kernel: 3, groups: 2}}, relu],
                     shortcut: [{conv: {filters: 8, kernel: 1}}]}
        - residual: {layers: [gelu]}
        - dropout: 0.5
        - maxPool: {kernel: 3, stride: 2, padding: 1}
        - avgPool: {kernel: 3, stride: 1, padding: 1}
        - globalAvgPool
        - flatten
        - linear: {features: 6, bias: false}
        - linear: classes
        - scale: 0.25
        """;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>Kept between tests: large networks take longer to draw than to check.</summary>
    private static readonly Dictionary<string, ModelWeights> Drawn = [];

    private static ModelWeights Weights(string model) =>
        Drawn.TryGetValue(model, out var weights) ? weights : Drawn[model] = Draw(model);

    private static ModelWeights Draw(string model)
    {
        var image = model is "resnet18" or "airbench94"
            ? new ImageShape(3, 32, 32)
            : new ImageShape(1, 28, 28);
        var spec = ModelPresets.Get(model, image) ?? RunSpecReader.Read(
            "", "run.yaml", model: new SpecText(EveryLayer, "m.yaml"), facts: _ => null).Model;
        return ModelWeights.Initial(Network.Resolve(spec, image, 10), seed: 1);
    }

    private static byte[] Onnx(ModelWeights weights)
    {
        using var stream = new MemoryStream();
        OnnxExporter.Write(stream, weights, new Dictionary<string, string> { ["classes"] = "a b" });
        return stream.ToArray();
    }

    [Theory]
    [InlineData("course-cnn")]
    [InlineData("mnist-cnn")]
    [InlineData("cifar-cnn")]
    [InlineData("resnet18")]
    [InlineData("airbench94")]
    [InlineData("every layer")]
    public void The_graph_has_the_networks_tensors_and_shapes(string model)
    {
        var weights = Weights(model);
        var network = weights.Network;
        var graph = OnnxReader.Read(Onnx(weights));
        Assert.Equal("a b", graph.Metadata["classes"]);
        Assert.Equal("images", graph.Input.Name);
        Assert.Equal(
            ["batch", (long)network.Input.Channels, (long)network.Input.Height,
                (long)network.Input.Width],
            graph.Input.Shape);
        Assert.Equal("logits", graph.Output.Name);
        Assert.Equal(["batch", 10L], graph.Output.Shape);
        foreach (var tensor in network.Parameters.Concat(network.Statistics))
        {
            var stored = graph.Initializers[tensor.Name];
            Assert.Equal(tensor.Shape.Select(size => (long)size), stored.Shape);
            var values = MemoryMarshal.AsBytes(weights.Of(tensor.Name).Span);
            Assert.True(values.SequenceEqual(stored.Data), tensor.Name);
        }
        var shapes = new OnnxShapes(graph);
        shapes.Run();
        Assert.Equal([10], shapes.Of("logits"));
        var operators = graph.Nodes.Select(node => node.Operator).Distinct().Order();
        if (model == "every layer")
        {
            Assert.Equal(
                ["Add", "AveragePool", "BatchNormalization", "Conv", "Erf", "Flatten", "Gemm",
                    "GlobalAveragePool", "Identity", "MaxPool", "Mul", "Relu"],
                operators);
        }
    }

    [Theory]
    [InlineData("course-cnn")]
    [InlineData("every layer")]
    public void Onnxs_own_checker_accepts_it(string model)
    {
        const string script = """
            import sys, onnx
            model = onnx.load(sys.argv[1])
            onnx.checker.check_model(model, full_check=True)
            inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
            print("accepted", [d.dim_value for d in
                inferred.graph.output[0].type.tensor_type.shape.dim])
            """;
        var path = folder["model.onnx"];
        File.WriteAllBytes(path, Onnx(Weights(model)));
        if (RunPython("onnx", script, path) is { } output)
            Assert.Equal("accepted [0, 10]\n", output);
    }

    [Fact]
    public void The_safetensors_file_is_a_state_dict()
    {
        var weights = Weights("resnet18");
        var path = folder["model.safetensors"];
        using (var stream = File.Create(path))
            SafeTensorsExporter.Write(stream, weights, steps: 7);
        using var file = SafeTensorsFile.Open(path);
        Assert.Equal(122, file.Tensors.Count); // as many as torchvision's resnet18 has
        Assert.Equal("pt", file.Metadata["format"]);
        var count = new long[1];
        file.ReadInt64("layer2.0.downsample.1.num_batches_tracked", count);
        Assert.Equal(7, count[0]);
        Assert.Equal(
            ["conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var",
                "bn1.num_batches_tracked", "layer1.0.conv1.weight"],
            file.Tensors.Take(7).Select(tensor => tensor.Name));
        var again = ModelWeights.Load(weights.Network, file);
        Assert.Equal(weights.Of("fc.weight").ToArray(), again.Of("fc.weight").ToArray());
        Assert.Throws<OperatingException>(
            () => ModelWeights.Load(Weights("course-cnn").Network, file));
    }

    private static string? RunPython(string module, string script, string path)
    {
        if (!File.Exists(Python))
            return null;
        // The package may be absent, which is no failure of ours.
        var guarded = $"import importlib.util, sys\n"
            + $"if importlib.util.find_spec('{module}') is None: sys.exit(77)\n{script}";
        var start = new ProcessStartInfo(Python, ["-I", "-c", guarded, path])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 77 ? null : output;
    }
}
