using System.Globalization;

using FsCheck;
using FsCheck.Xunit;

using Xunit.Abstractions;

namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: the fused steps are PyTorch's optimizers. Method: several steps with changing gradients
/// and learning rates against a plain C# transcription of the documented formulas, and against
/// torch.optim itself.
/// </summary>
public sealed class OptimizerTests(ITestOutputHelper output)
{
    private const int Length = 1003;
    private const int Steps = 7;

    public static TheoryData<string, OptimizerSettings> Cases => new()
    {
        { "torch.optim.SGD(p, lr=1)", Sgd(0, false, 0) },
        { "torch.optim.SGD(p, lr=1, weight_decay=0.01)", Sgd(0, false, 0.01) },
        { "torch.optim.SGD(p, lr=1, momentum=0.9)", Sgd(0.9, false, 0) },
        {
            "torch.optim.SGD(p, lr=1, momentum=0.85, nesterov=True, weight_decay=5e-4)",
            Sgd(0.85, true, 5e-4)
        },
        { "torch.optim.Adam(p, lr=1)", Adam(OptimizerKind.Adam, 0) },
        { "torch.optim.Adam(p, lr=1, weight_decay=0.1)", Adam(OptimizerKind.Adam, 0.1) },
        { "torch.optim.AdamW(p, lr=1, weight_decay=0.1)", Adam(OptimizerKind.AdamW, 0.1) },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void AgreesWithThePlainFormulas(string name, OptimizerSettings settings)
    {
        output.WriteLine(name);
        foreach (var type in new[] { ElementType.Float32, ElementType.Float64 })
        {
            var tolerance = type == ElementType.Float32 ? 2e-6 : 1e-14;
            RequireClose(PlainSteps(settings), EngineSteps(settings, type), tolerance);
        }
    }

    /// <summary>One interpreter for all cases, because starting it takes the longest.</summary>
    [Fact]
    public void AgreesWithPyTorch()
    {
        if (!PythonReference.IsInstalled(output))
            return;
        var folder = Directory.CreateTempSubdirectory("torch-reference-").FullName;
        try
        {
            var (parameters, gradients) = Inputs();
            PythonReference.WriteDoubles(Path.Combine(folder, "parameters"), parameters);
            PythonReference.WriteDoubles(
                Path.Combine(folder, "gradients"), gradients.SelectMany(step => step));
            var constructors = Cases.Select(entry => (string)((object[])entry)[0]).ToArray();
            PythonReference.Require(PythonScript(constructors), folder);
            foreach (var (entry, index) in Cases.Select((entry, index) => ((object[])entry, index)))
            {
                output.WriteLine((string)entry[0]);
                var settings = (OptimizerSettings)entry[1];
                var expected = PythonReference.ReadDoubles(Path.Combine(folder, $"out.{index}"));
                RequireClose(expected, EngineSteps(settings, ElementType.Float64), 1e-13);
                RequireClose(expected, EngineSteps(settings, ElementType.Float32), 2e-6);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>
    /// Elementwise means that a buffer cut anywhere gives the same bits, so that the vector loop's
    /// remainder rounds as its body does.
    /// </summary>
    [Property(MaxTest = 40)]
    public void WhereTheBufferIsCutDoesNotMatter(PositiveInt size, PositiveInt place)
    {
        TorchLibrary.Initialize(1);
        var length = size.Get % 200 + 1;
        var cut = place.Get % (length + 1);
        var settings = Adam(OptimizerKind.AdamW, 0.01);
        var whole = Random(length, 3);
        var first = whole[..cut];
        var second = whole[cut..];
        var gradient = Random(length, 4);
        Run(whole, gradient);
        Run(first, gradient[..cut]);
        Run(second, gradient[cut..]);
        Assert.Equal(whole, first.Concat(second).ToArray());

        void Run(float[] values, float[] gradients)
        {
            using var p = new NativeBuffer(values.Length * sizeof(float));
            using var g = new NativeBuffer(values.Length * sizeof(float));
            using var m = new NativeBuffer(values.Length * sizeof(float));
            using var v = new NativeBuffer(values.Length * sizeof(float));
            values.CopyTo(p.AsSpan<float>());
            gradients.CopyTo(g.AsSpan<float>());
            for (var step = 1; step <= 3; step++)
                TorchOptimizer.Step(settings, 0.01, step, p, g, [m, v], values.Length);
            p.AsSpan<float>().CopyTo(values);
        }
    }

    /// <summary>Neighbours of the stretch that is changed stay as they are.</summary>
    [Fact]
    public void AStretchIsChangedAsABufferOfItsOwn()
    {
        TorchLibrary.Initialize(1);
        var settings = Sgd(0.9, true, 0.1);
        using var whole = Filled(Random(64, 1));
        using var gradients = Filled(Random(64, 2));
        using var momenta = Filled(new float[64]);
        using var part = Filled(Random(64, 1)[16..40]);
        using var partGradients = Filled(Random(64, 2)[16..40]);
        using var partMomenta = Filled(new float[24]);
        for (var step = 1; step <= 3; step++)
        {
            TorchOptimizer.Step(
                settings, 0.1, step, whole, gradients, [momenta], 24, offset: 16);
            TorchOptimizer.Step(settings, 0.1, step, part, partGradients, [partMomenta], 24);
        }
        float[] expected = [.. Random(64, 1)];
        part.AsSpan<float>()[..24].CopyTo(expected.AsSpan(16));
        Assert.Equal(expected, whole.AsSpan<float>().ToArray());
        Assert.Throws<ArgumentException>(() => TorchOptimizer.Step(
            settings, 0.1, 1, whole, gradients, [momenta], 49, offset: 16));
    }

    private static NativeBuffer Filled(float[] values)
    {
        var buffer = new NativeBuffer(values.Length * sizeof(float));
        values.CopyTo(buffer.AsSpan<float>());
        return buffer;
    }

    [Fact]
    public void WrongArgumentsAreRefused()
    {
        TorchLibrary.Initialize(1);
        using var buffer = new NativeBuffer(64);
        using var shorter = new NativeBuffer(32);
        Assert.Throws<ArgumentException>(() => TorchOptimizer.Step(
            Sgd(0.9, false, 0), 0.1, 1, buffer, shorter, [buffer], 16));
        Assert.Throws<ArgumentException>(() => TorchOptimizer.Step(
            Adam(OptimizerKind.Adam, 0), 0.1, 1, buffer, buffer, [buffer], 16));
        var failure = Assert.Throws<TorchException>(() => TorchOptimizer.Step(
            Sgd(0.9, false, 0), 0.1, 0, buffer, buffer, [buffer], 16));
        Assert.Contains("first step is 1", failure.Message, StringComparison.Ordinal);
    }

    private static OptimizerSettings Sgd(double momentum, bool nesterov, double decay) =>
        new(OptimizerKind.Sgd, momentum, nesterov, decay, 0.9, 0.999, 1e-8);

    private static OptimizerSettings Adam(OptimizerKind kind, double decay) =>
        new(kind, 0, false, decay, 0.9, 0.999, 1e-8);

    private static double Rate(int step) => 0.01 / step;

    private static (double[] Parameters, double[][] Gradients) Inputs() =>
        ([.. Random(Length, 1).Select(x => (double)x)],
            [.. Enumerable.Range(1, Steps).Select(step =>
                Random(Length, 100 + step).Select(x => (double)x).ToArray())]);

    private static float[] Random(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => 2 * random.NextSingle() - 1)];
    }

    private static double[] EngineSteps(OptimizerSettings settings, ElementType type)
    {
        TorchLibrary.Initialize(1);
        var (parameters, gradients) = Inputs();
        using var p = NativeBuffer.Of(type, Length);
        using var g = NativeBuffer.Of(type, Length);
        NativeBuffer[] state = [.. Enumerable.Range(0, TorchOptimizer.StateBuffers(settings.Kind))
            .Select(_ => NativeBuffer.Of(type, Length))];
        Put(p, parameters, type);
        for (var step = 1; step <= Steps; step++)
        {
            Put(g, gradients[step - 1], type);
            TorchOptimizer.Step(settings, Rate(step), step, p, g, state, Length, type);
        }
        foreach (var buffer in state)
            buffer.Dispose();
        return type == ElementType.Float64 ? p.AsSpan<double>().ToArray()
            : [.. p.AsSpan<float>().ToArray().Select(x => (double)x)];
    }

    private static void Put(NativeBuffer buffer, double[] values, ElementType type)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (type == ElementType.Float64)
                buffer.AsSpan<double>()[i] = values[i];
            else
                buffer.AsSpan<float>()[i] = (float)values[i];
        }
    }

    private static double[] PlainSteps(OptimizerSettings s)
    {
        var (p, gradients) = Inputs();
        var (first, second) = (new double[Length], new double[Length]);
        for (var step = 1; step <= Steps; step++)
        {
            for (var i = 0; i < Length; i++)
            {
                var gradient = gradients[step - 1][i];
                p[i] = PlainStep(s, step, p[i], gradient, ref first[i], ref second[i]);
            }
        }
        return p;
    }

    private static double PlainStep(
        OptimizerSettings s, int step, double p, double g, ref double first, ref double second)
    {
        var rate = Rate(step);
        if (s.Kind == OptimizerKind.AdamW)
            p -= rate * s.WeightDecay * p;
        else
            g += s.WeightDecay * p;
        if (s.Kind == OptimizerKind.Sgd)
        {
            first = s.Momentum * first + g;
            return p - rate * (s.Nesterov ? g + s.Momentum * first : first);
        }
        first = s.Beta1 * first + (1 - s.Beta1) * g;
        second = s.Beta2 * second + (1 - s.Beta2) * g * g;
        var mean = first / (1 - Math.Pow(s.Beta1, step));
        var spread = second / (1 - Math.Pow(s.Beta2, step));
        return p - rate * mean / (Math.Sqrt(spread) + s.Epsilon);
    }

    private static void RequireClose(double[] expected, double[] actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            var difference = Math.Abs(expected[i] - actual[i]);
            Assert.True(difference <= tolerance * Math.Max(1, Math.Abs(expected[i])),
                $"element {i}: {actual[i]}, expected {expected[i]}");
        }
    }

    private static string PythonScript(string[] constructors) => string.Create(
        CultureInfo.InvariantCulture, $"""
        import struct, torch
        def doubles(path):
            data = open(path, 'rb').read()
            return torch.tensor(struct.unpack('<%dd' % (len(data) // 8), data), dtype=torch.float64)
        gradients = doubles('gradients').reshape({Steps}, -1)
        makers = [{string.Join(", ", constructors.Select(text => "lambda p: " + text))}]
        for index, make in enumerate(makers):
            parameter = doubles('parameters').requires_grad_(True)
            optimizer = make([parameter])
            for step in range(1, {Steps} + 1):
                for group in optimizer.param_groups: group['lr'] = 0.01 / step
                parameter.grad = gradients[step - 1].clone()
                optimizer.step()
            values = struct.pack('<%dd' % {Length}, *parameter.tolist())
            open('out.%d' % index, 'wb').write(values)
        """);
}
