using System.Globalization;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Tests.Sweeps;

/// <summary>Spaces to sweep and functions to find the minimum of.</summary>
internal static class SweepSpaces
{
    private static readonly double[] hartmannWeights = [1, 1.2, 3, 3.2];

    /// <summary>All kinds of dimensions, and conditions two deep.</summary>
    public static SearchSpace Mixed { get; } = new(
    [
        new ChoiceDimension("optimizer", [], ["sgd", "adam", "none"]),
        new RealDimension("rate", [], 1e-5, 1, null, true),
        new RealDimension("momentum", [new("optimizer", ["sgd"])], 0, 0.9, 0.1, false),
        new ChoiceDimension("nesterov", [new("optimizer", ["sgd"])], ["true", "false"]),
        new RealDimension("damping", [new("nesterov", ["false"])], -1, 1, null, false),
        new IntegerDimension("warmup", [new("optimizer", ["sgd", "adam"])], 1, 100, 1, true),
        new IntegerDimension("layers", [], -2, 9, 3, false),
    ]);

    /// <summary>As the one above, but finite: 3 × (3 × (1 + 2) + 2 + 1) combinations.</summary>
    public static SearchSpace Finite { get; } = new(
    [
        new ChoiceDimension("optimizer", [], ["sgd", "adam", "none"]),
        new RealDimension("momentum", [new("optimizer", ["sgd"])], 0.1, 0.3, 0.1, false),
        new ChoiceDimension("nesterov", [new("optimizer", ["sgd"])], ["true", "false"]),
        new IntegerDimension("damping", [new("nesterov", ["false"])], 1, 2, 1, true),
        new IntegerDimension("warmup", [new("optimizer", ["adam"])], 0, 5, 5, false),
        new IntegerDimension("layers", [], 2, 8, 3, false),
    ]);

    public static SearchSpace Box(params (double Low, double High)[] sides) => new(
        [.. sides.Select((side, index) => new RealDimension(
            $"x{index}", [], side.Low, side.High, null, false))]);

    public static SearchSpace Cube(int dimensions) =>
        Box([.. Enumerable.Repeat((0.0, 1.0), dimensions)]);

    public static double[] Numbers(IReadOnlyList<ParameterValue> parameters) =>
        [.. parameters.Select(parameter => double.Parse(
            parameter.Text, CultureInfo.InvariantCulture))];

    public static string Show(IReadOnlyList<ParameterValue> parameters) =>
        string.Join(", ", parameters.Select(one => $"{one.Name}={one.Text}"));

    public static Observation Completed(
        int number, IReadOnlyList<ParameterValue> parameters, params double[] losses) =>
        new(number, parameters, ObservationState.Completed, losses, 1);

    /// <summary>One trial after the other.</summary>
    public static List<Observation> Run(
        ISampler sampler, int count, Func<IReadOnlyList<ParameterValue>, double> loss)
    {
        var observations = new List<Observation>();
        for (int number = 0; number < count; number++)
        {
            IReadOnlyList<ParameterValue> parameters =
                sampler.Suggest(number, observations).Parameters;
            observations.Add(Completed(number, parameters, loss(parameters)));
        }
        return observations;
    }

    public static double Best(
        SamplerSpec spec, SearchSpace space, int seed, int count, Func<double[], double> function)
    {
        ISampler sampler = Samplers.Create(spec, space, (ulong)seed, 1);
        return Run(sampler, count, parameters => function(Numbers(parameters)))
            .Min(observation => observation.Losses[0]);
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>On [-5, 10] × [0, 15]; its minimum is 0.397887.</summary>
    public static double Branin(double[] x)
    {
        double bend = x[1] - (5.1 / (4 * Math.PI * Math.PI) * x[0] * x[0])
            + (5 / Math.PI * x[0]) - 6;
        return (bend * bend) + (10 * (1 - (1 / (8 * Math.PI))) * Math.Cos(x[0])) + 10;
    }

    /// <summary>On the unit cube; its minimum is -3.86278215.</summary>
    public static double Hartmann3(double[] x) => Hartmann(
        x,
        [[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]],
        [
            [0.3689, 0.1170, 0.2673], [0.4699, 0.4387, 0.7470], [0.1091, 0.8732, 0.5547],
            [0.0381, 0.5743, 0.8828],
        ]);

    /// <summary>On the unit cube; its minimum is -3.32236801.</summary>
    public static double Hartmann6(double[] x) => Hartmann(
        x,
        [
            [10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ],
        [
            [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
            [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
            [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
            [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
        ]);

    private static double Hartmann(double[] x, double[][] scales, double[][] centres)
    {
        double sum = 0;
        for (int term = 0; term < hartmannWeights.Length; term++)
        {
            double distance = x.Select((at, axis) =>
                scales[term][axis] * Math.Pow(at - centres[term][axis], 2)).Sum();
            sum -= hartmannWeights[term] * Math.Exp(-distance);
        }
        return sum;
    }
}
