namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: an update on the device is that on the host. Method: the same gradients, drawn anew at
/// each step, through the trainer and through <see cref="TorchOptimizer"/>, which its own tests
/// compare to PyTorch; with groups of settings, stretches that are trained for a while or never,
/// Muon's matrices, and lookahead. Parameters and state are compared after every step.
/// </summary>
public sealed class TrainerOptimizerTests
{
    private const int Steps = 7;

    /// <summary>
    /// Formulas are the same and in the same order; where the device's library fuses a product into
    /// a sum, it rounds once instead of twice. Of 1 or the number, whichever is larger.
    /// </summary>
    private const double RoundingsAtMost = 8;

    private const string Convolutions = """
        input channels=2 height=6 width=6
        conv name=a in=2 out=4 kernel=3 padding=1
        batchnorm name=n channels=4
        conv name=b in=4 out=4 kernel=3 padding=1 bias=0
        conv name=c in=4 out=4 kernel=3 padding=1 bias=0
        conv name=d in=4 out=50 kernel=1 bias=0
        globalavgpool
        flatten
        linear name=fc in=50 out=3
        """;

    private static readonly Dictionary<string, (int States, Func<TensorInfo, Part?> PartOf)>
        s_cases = new()
        {
            ["sgd"] = (1, _ => new(Sgd(0, false, 0))),
            ["sgd, decay"] = (1, _ => new(Sgd(0, false, 0.01))),
            ["momentum"] = (1, _ => new(Sgd(0.9, false, 0.01))),
            ["nesterov"] = (1, _ => new(Sgd(0.85, true, 0.01))),
            ["adam"] = (2, _ => new(Adam(OptimizerKind.Adam, 0.1))),
            ["adamw"] = (2, _ => new(Adam(OptimizerKind.AdamW, 0.1))),
            ["sgd for a while"] = (1, _ => new(Sgd(0.9, true, 0.01), LastStep: 3)),
            ["adam for a while"] = (2, _ => new(Adam(OptimizerKind.Adam, 0), LastStep: 3)),
            ["sgd in groups"] = (1, tensor => tensor switch
            {
                { Name: "b.weight" } => null,
                { Shape.Length: 4 } => new(Sgd(0.9, true, 0.01)),
                { Shape.Length: 2 } => new(Sgd(0, false, 0.1), RateFactor: 3),
                _ => new(Sgd(0.85, true, 0), RateFactor: 2, LastStep: 4),
            }),
            ["adamw in groups"] = (2, tensor => tensor switch
            {
                { Name: "b.weight" } => null,
                { Shape.Length: 4 } => new(Adam(OptimizerKind.AdamW, 0.1)),
                _ => new(Adam(OptimizerKind.AdamW, 0), RateFactor: 2, LastStep: 4),
            }),
            ["adam in groups"] = (2, tensor => tensor switch
            {
                { Shape.Length: 4 } => new(Adam(OptimizerKind.Adam, 0.1)),
                _ => new(Adam(OptimizerKind.Adam, 0), RateFactor: 2),
            }),
            // Two matrices of one shape, one that ends, one taller than wide.
            ["muon"] = (1, tensor => tensor switch
            {
                { Name: "a.weight" } => new(Muon(0.6), LastStep: 4),
                { Shape.Length: 4 } => new(Muon(0.6), RateFactor: 3),
                _ => new(Sgd(0.85, true, 0.01)),
            }),
        };

    public static TheoryData<string, bool> Cases
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var name in s_cases.Keys)
            {
                data.Add(name, false);
                data.Add(name, true);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void UpdatesAreThoseOfTheHost(string name, bool hasLookahead)
    {
        foreach (var precision in new[] { Precision.Single, Precision.Double })
        {
            var (states, partOf) = s_cases[name];
            using var bench = new TrainerBench(Convolutions, precision);
            using var host = new Host(bench, states, hasLookahead, partOf);
            var random = new Random(5);
            for (var step = 1; step <= Steps; step++)
            {
                var gradients = new double[bench.Reference.Model.GradientLength];
                foreach (var tensor in bench.Reference.Model.Parameters)
                {
                    for (var i = 0; i < tensor.Length; i++)
                        gradients[tensor.Offset + i] = (float)(random.NextDouble() - 0.5);
                }
                var update = new NativeMethods.NativeUpdate
                {
                    LearningRate = 0.2 / step,
                    Step = step,
                    LookaheadShare = hasLookahead && step % 3 == 0 ? 1 - (0.1 * step) : 0,
                    TakeSlow = hasLookahead && step == Steps ? 1 : 0,
                };
                bench.PutHostGradients(gradients);
                bench.Update(update);
                host.Update(gradients, update);
                host.RequireClose(step);
            }
        }
    }

    /// <summary>To the bit: whatever is beside it.</summary>
    [Fact]
    public void WhatIsNotTrainedStaysAsItIs()
    {
        var (states, partOf) = s_cases["sgd in groups"];
        using var bench = new TrainerBench(Convolutions, Precision.Single);
        using var host = new Host(bench, states, hasLookahead: false, partOf);
        var model = bench.Reference.Model;
        var frozen = model.Parameters.Single(tensor => tensor.Name == "b.weight");
        var before = Of(frozen, bench.Read(TrainerBench.Parameters));
        var gradients = new double[model.GradientLength];
        Array.Fill(gradients, 0.25, 0, (int)model.ParameterLength);
        bench.PutHostGradients(gradients);
        bench.Update(new() { LearningRate = 0.1, Step = 1 });
        Assert.Equal(before, Of(frozen, bench.Read(TrainerBench.Parameters)));
        Assert.All(
            Of(frozen, bench.Read(TrainerBench.FirstState)), value => Assert.Equal(0, value));
    }

    [Fact]
    public void WhatDoesNotFitTogetherIsRefused()
    {
        using var bench = new TrainerBench(Convolutions, Precision.Single);
        NativeMethods.NativeStretch sgd = Stretch(0, 16, new(Sgd(0.9, true, 0)));
        NativeMethods.NativeStretch adam = Stretch(16, 16, new(Adam(OptimizerKind.Adam, 0)));
        Requires("of different optimizers", [sgd, adam]);
        Requires("Nesterov's momentum", [sgd, Stretch(16, 16, new(Sgd(0.9, false, 0)))]);
        Requires("expected one behind 16", [sgd, Stretch(8, 16, new(Sgd(0.9, true, 0)))]);
        Requires("within", [Stretch(0, 1 << 20, new(Sgd(0.9, true, 0)))]);
        Requires("0 state buffers", [sgd], states: 0);
        Requires("in 5 rows", [Stretch(0, 16, new(Muon(0.6)), rows: 5)]);

        void Requires(string text, NativeMethods.NativeStretch[] stretches, int states = 2)
        {
            var failure = Assert.Throws<TorchException>(
                () => bench.SetOptimizer(stretches, states, hasLookahead: false));
            Assert.Contains(text, failure.Message, StringComparison.Ordinal);
        }
    }

    private static double[] Of(TensorInfo tensor, double[] flat) =>
        flat.AsSpan((int)tensor.Offset, (int)tensor.Length).ToArray();

    private static OptimizerSettings Sgd(double momentum, bool nesterov, double decay) =>
        new(OptimizerKind.Sgd, momentum, nesterov, decay, 0.9, 0.999, 1e-8);

    private static OptimizerSettings Adam(OptimizerKind kind, double decay) =>
        new(kind, 0, false, decay, 0.9, 0.999, 1e-8);

    private static OptimizerSettings Muon(double momentum) =>
        new(OptimizerKind.Muon, momentum, true, 0, 0.9, 0.999, 1e-8, NewtonSchulzSteps: 3);

    private static NativeMethods.NativeStretch Stretch(
        long offset, long length, Part part, long rows = 0) => new()
        {
            Offset = offset,
            Length = length,
            Rows = rows,
            LastStep = part.LastStep,
            RateFactor = part.RateFactor,
            NewtonSchulzSteps = part.Settings.NewtonSchulzSteps,
            Settings = new()
            {
                Kind = (int)part.Settings.Kind,
                Nesterov = part.Settings.Nesterov ? 1 : 0,
                Momentum = part.Settings.Momentum,
                WeightDecay = part.Settings.WeightDecay,
                Beta1 = part.Settings.Beta1,
                Beta2 = part.Settings.Beta2,
                Epsilon = part.Settings.Epsilon,
            },
        };

    internal sealed record Part(
        OptimizerSettings Settings, double RateFactor = 1, long LastStep = long.MaxValue);

    /// <summary>The same optimizer on buffers of the host, a tensor at a time.</summary>
    private sealed class Host : IDisposable
    {
        private readonly TrainerBench _bench;
        private readonly List<(TensorInfo Tensor, Part Part)> _parts = [];
        private readonly NativeBuffer _parameters;
        private readonly NativeBuffer _gradients;
        private readonly NativeBuffer[] _state;
        private readonly double[]? _slow;

        internal Host(
            TrainerBench bench, int states, bool hasLookahead, Func<TensorInfo, Part?> partOf)
        {
            _bench = bench;
            var model = bench.Reference.Model;
            foreach (var tensor in model.Parameters)
            {
                if (partOf(tensor) is { } part)
                    _parts.Add((tensor, part));
            }
            _parameters = NativeBuffer.Of(bench.Type, model.ParameterLength);
            _gradients = NativeBuffer.Of(bench.Type, model.ParameterLength);
            _state = [.. Enumerable.Range(0, states)
                .Select(_ => NativeBuffer.Of(bench.Type, model.ParameterLength))];
            var start = bench.Read(TrainerBench.Parameters);
            Put(_parameters, start);
            bench.SetOptimizer(
                [.. _parts.Select(entry => Stretch(
                    entry.Tensor.Offset, entry.Tensor.Length, entry.Part, RowsOf(entry)))],
                states + (hasLookahead ? 1 : 0), hasLookahead);
            if (hasLookahead)
            {
                _slow = start;
                bench.Write(TrainerBench.FirstState + states, start);
            }
        }

        internal void Update(double[] gradients, NativeMethods.NativeUpdate update)
        {
            Put(_gradients, gradients[..(int)_bench.Reference.Model.ParameterLength]);
            foreach (var (tensor, part) in _parts.Where(
                entry => update.Step <= entry.Part.LastStep))
            {
                var rate = update.LearningRate * part.RateFactor;
                var rows = RowsOf((tensor, part));
                if (rows > 0)
                {
                    TorchOptimizer.MuonStep(
                        part.Settings, rate, _parameters, _gradients, _state[0], tensor.Offset,
                        rows, tensor.Length / rows, _bench.Type);
                }
                else
                {
                    TorchOptimizer.Step(
                        part.Settings, rate, update.Step, _parameters, _gradients, _state,
                        tensor.Length, _bench.Type, tensor.Offset);
                }
            }
            if (_slow is not null)
                LookAhead(_slow, update);
        }

        internal void RequireClose(int step)
        {
            Require("parameters", Get(_parameters), TrainerBench.Parameters);
            for (var i = 0; i < _state.Length; i++)
                Require($"state {i}", Get(_state[i]), TrainerBench.FirstState + i);
            if (_slow is not null)
                Require("slow copy", _slow, TrainerBench.FirstState + _state.Length);

            void Require(string name, double[] expected, int part)
            {
                var actual = _bench.Read(part);
                var unit = _bench.Type == ElementType.Float64 ? Math.Pow(2, -52) : Math.Pow(2, -23);
                for (var i = 0; i < expected.Length; i++)
                {
                    var bound = RoundingsAtMost * unit * Math.Max(1, Math.Abs(expected[i]));
                    Assert.True(Math.Abs(actual[i] - expected[i]) <= bound,
                        $"step {step}, {name} {i}: {actual[i]:r}, expected {expected[i]:r}");
                }
            }
        }

        public void Dispose()
        {
            foreach (var buffer in _state.Append(_parameters).Append(_gradients))
                buffer.Dispose();
        }

        private static long RowsOf((TensorInfo Tensor, Part Part) entry) =>
            entry.Part.Settings.Kind == OptimizerKind.Muon ? entry.Tensor.Shape[0] : 0;

        private void LookAhead(double[] slow, NativeMethods.NativeUpdate update)
        {
            var fast = Get(_parameters);
            if (update.LookaheadShare != 0)
            {
                for (var i = 0; i < slow.Length; i++)
                    slow[i] += update.LookaheadShare * (fast[i] - slow[i]);
            }
            if (update.LookaheadShare != 0 || update.TakeSlow != 0)
                Put(_parameters, slow);
        }

        private void Put(NativeBuffer buffer, double[] content)
        {
            for (var i = 0; i < content.Length; i++)
            {
                if (_bench.Type == ElementType.Float64)
                    buffer.AsSpan<double>(i, 1)[0] = content[i];
                else
                    buffer.AsSpan<float>(i, 1)[0] = (float)content[i];
            }
        }

        private double[] Get(NativeBuffer buffer)
        {
            var length = (int)_bench.Reference.Model.ParameterLength;
            return _bench.Type == ElementType.Float64
                ? buffer.AsSpan<double>(0, length).ToArray()
                : [.. buffer.AsSpan<float>(0, length).ToArray().Select(x => (double)x)];
        }
    }
}
