using Xunit.Abstractions;

namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: gradients, loss, statistics and evaluation agree with an independent reference. Method:
/// the same text, weights and batch go to Debian's PyTorch, which builds the network from its own
/// modules and computes in double; ours computes in double and in float. In double every tensor's
/// difference must have a norm of next to nothing. In float the whole gradient's must be at most
/// 1e-5 of the gradient's; a single tensor's may be more, because batch norm makes some gradients
/// small differences of large numbers (those are the tensors that lose two digits in double as
/// well).
/// </summary>
public sealed class PyTorchGradientTests(ITestOutputHelper output)
{
    private const string Script = """
        import struct, torch, torch.nn.functional as F
        torch.set_default_dtype(torch.float64)
        def doubles(path):
            data = open(path, 'rb').read()
            return torch.tensor(struct.unpack('<%dd' % (len(data) // 8), data))
        def put(path, t):
            t = t.detach().reshape(-1)
            open(path, 'wb').write(struct.pack('<%dd' % t.numel(), *t.tolist()))
        lines = [l.split() for l in open('network.txt') if l.strip()]
        position = 1
        def options(words):
            return dict(w.split('=') for w in words[1:])
        class Residual(torch.nn.Module):
            def __init__(self, branch, shortcut):
                super().__init__()
                self.branch, self.shortcut = branch, shortcut
            def forward(self, x):
                return self.branch(x) + self.shortcut(x)
        class Scale(torch.nn.Module):
            def __init__(self, factor):
                super().__init__()
                self.factor = factor
            def forward(self, x):
                return x * self.factor
        named, smoothing = [], 0.0
        def block():
            global position, smoothing
            modules = []
            while position < len(lines) and lines[position][0] not in ('end', 'shortcut'):
                words = lines[position]; position += 1
                kind, o = words[0], options(words)
                n = lambda key: int(o[key])
                if kind == 'conv':
                    m = torch.nn.Conv2d(n('in'), n('out'), n('kernel'), n('stride'), n('padding'),
                                        groups=n('groups'), bias=o['bias'] == '1')
                elif kind == 'batchnorm':
                    m = torch.nn.BatchNorm2d(n('channels'), float(o['eps']), float(o['momentum']))
                    if o.get('scale') == '0': m.register_parameter('weight', None)
                elif kind == 'scale': m = Scale(float(o['factor']))
                elif kind == 'relu': m = torch.nn.ReLU()
                elif kind == 'gelu': m = torch.nn.GELU()
                elif kind == 'flatten': m = torch.nn.Flatten()
                elif kind == 'globalavgpool': m = torch.nn.AdaptiveAvgPool2d(1)
                elif kind in ('maxpool', 'avgpool'):
                    pool = torch.nn.MaxPool2d if kind == 'maxpool' else torch.nn.AvgPool2d
                    m = pool(n('kernel'), n('stride'), n('padding'))
                elif kind == 'linear': m = torch.nn.Linear(n('in'), n('out'), bias=o['bias'] == '1')
                elif kind == 'loss': smoothing = float(o['smoothing']); continue
                elif kind == 'residual':
                    branch, shortcut = block(), torch.nn.Identity()
                    if lines[position][0] == 'shortcut':
                        position += 1
                        shortcut = block()
                    position += 1
                    m = Residual(branch, shortcut)
                else: raise Exception(kind)
                if 'name' in o and kind != 'residual': named.append((o['name'], m))
                modules.append(m)
            return torch.nn.Sequential(*modules)
        net = block()
        o = options(lines[0])
        named = dict(named)
        for name, m in named.items():
            for key, t in list(m.named_parameters()) + list(m.named_buffers()):
                if t.is_floating_point():
                    t.data.copy_(doubles('in.%s.%s' % (name, key)).reshape(t.shape))
        x = doubles('images').reshape(-1, int(o['channels']), int(o['height']), int(o['width']))
        y = doubles('labels').long()
        net.eval()
        put('out.eval', net(x))
        net.train()
        for m in named.values():
            if isinstance(m, torch.nn.BatchNorm2d): m.momentum = 1.0
        loss = F.cross_entropy(net(x), y, label_smoothing=smoothing, reduction='sum')
        loss.backward()
        put('out.loss', loss)
        for name, m in named.items():
            for key, t in m.named_parameters(): put('out.%s.%s' % (name, key), t.grad)
            for key, t in m.named_buffers():
                if t.is_floating_point(): put('out.%s.%s' % (name, key), t)
        """;

    [Theory]
    [InlineData(Networks.Course, 16)]
    [InlineData(Networks.Scaled, 8)]
    [InlineData(Networks.EveryLayer, 8)]
    [InlineData(Networks.EveryLayer, 2)]
    public void GradientsAgreeWithPyTorch(string network, int samples)
    {
        if (!PythonReference.IsInstalled(output))
            return;
        var folder = Directory.CreateTempSubdirectory("torch-reference-").FullName;
        try
        {
            using var single = new Bench(network, samples, ElementType.Float32, seed: 5);
            using var exact = new Bench(network, samples, ElementType.Float64, seed: 5);
            // Both types begin with the very same numbers: those that fit into a float.
            Copy(single, single.Parameters, exact.Parameters);
            Copy(single, single.Statistics, exact.Statistics);
            WriteInputs(single, network, folder);
            PythonReference.Require(Script, folder);
            Compare(exact, samples, folder, 1e-12, 1e-10);
            Compare(single, samples, folder, 1e-5, 1e-4);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Copy(Bench from, NativeBuffer source, NativeBuffer target)
    {
        var values = target.AsSpan<double>();
        for (var i = 0; i < values.Length; i++)
            values[i] = from.Read(source, i);
    }

    private void Compare(
        Bench bench, int samples, string folder, double tolerance, double tensorTolerance)
    {
        var result = bench.Step(statisticsWeight: 1);
        double[] loss = [result.LossSum];
        RequireClose("loss", loss, folder, "out.loss", tolerance);
        var (expected, actual) = (new List<double>(), new List<double>());
        foreach (var tensor in bench.Model.Parameters)
        {
            var gradient = bench.ReadAll(bench.Gradients, tensor.Offset, tensor.Length);
            RequireClose(tensor.Name, gradient, folder, "out." + tensor.Name, tensorTolerance);
            expected.AddRange(
                PythonReference.ReadDoubles(Path.Combine(folder, "out." + tensor.Name)));
            actual.AddRange(gradient);
        }
        var whole = Difference(expected, actual);
        output.WriteLine($"whole gradient: relative difference {whole:E1}");
        Assert.True(whole <= tolerance, $"whole gradient: relative difference {whole:E2}");
        foreach (var tensor in bench.Model.Statistics)
        {
            var place = bench.Model.ParameterLength + tensor.Offset;
            RequireClose(tensor.Name, bench.ReadAll(bench.Gradients, place, tensor.Length),
                folder, "out." + tensor.Name, tolerance);
        }
        var logits = new float[samples * bench.Model.Classes];
        bench.Model.Evaluate(bench.Images, bench.Labels, logits);
        RequireClose("logits", [.. logits], folder, "out.eval", Math.Max(tolerance, 1e-6));
    }

    private static void WriteInputs(Bench bench, string network, string folder)
    {
        File.WriteAllText(Path.Combine(folder, "network.txt"), network);
        PythonReference.WriteDoubles(
            Path.Combine(folder, "images"), bench.Images.Select(pixel => (double)pixel));
        PythonReference.WriteDoubles(
            Path.Combine(folder, "labels"), bench.Labels.Select(label => (double)label));
        foreach (var tensor in bench.Model.Parameters)
        {
            PythonReference.WriteDoubles(Path.Combine(folder, "in." + tensor.Name),
                bench.ReadAll(bench.Parameters, tensor.Offset, tensor.Length));
        }
        foreach (var tensor in bench.Model.Statistics)
        {
            PythonReference.WriteDoubles(Path.Combine(folder, "in." + tensor.Name),
                bench.ReadAll(bench.Statistics, tensor.Offset, tensor.Length));
        }
    }

    private void RequireClose(
        string name, double[] actual, string folder, string file, double tolerance)
    {
        var expected = PythonReference.ReadDoubles(Path.Combine(folder, file));
        Assert.Equal(expected.Length, actual.Length);
        var difference = Difference(expected, actual);
        output.WriteLine($"{name}: relative difference {difference:E1}");
        Assert.True(difference <= tolerance, $"{name}: relative difference {difference:E2}");
    }

    private static double Difference(
        IReadOnlyList<double> expected, IReadOnlyList<double> actual) =>
        Norm(expected.Zip(actual, (a, b) => a - b)) / Norm(expected);

    private static double Norm(IEnumerable<double> values) =>
        Math.Sqrt(values.Sum(value => value * value));
}
