namespace Distributed.Torch.Tests;

/// <summary>
/// Goal: Muon's step is the published one. Method: matrices whose singular values and directions
/// are known, on which Newton–Schulz is a polynomial of each singular value; and whole steps
/// against loops in double.
/// </summary>
public sealed class MuonTests
{
    private const double Linear = 3.4445;
    private const double Cubic = -4.7750;
    private const double Quintic = 2.0315;

    /// <summary>
    /// From a weight of zeros a step of rate 1 leaves the direction alone, with the other sign.
    /// </summary>
    [Theory]
    [InlineData(4, 9)]
    [InlineData(9, 4)]
    [InlineData(6, 6)]
    public void DirectionsStayAndSingularValuesComeNearOne(int rows, int columns)
    {
        const int iterations = 9;
        var rank = Math.Min(rows, columns);
        var left = Reflection(rows, 1);
        var right = Reflection(columns, 2);
        double[] singular = [.. Enumerable.Range(1, rank).Select(index => (double)index * index)];
        var stretch = new double[rows, columns];
        for (var index = 0; index < rank; index++)
            stretch[index, index] = singular[index];
        var gradient = Product(Product(left, stretch), right);
        var moved = Step(
            new double[rows, columns], [gradient], Settings(0, false, iterations), rate: 1);
        // A reflection undoes itself.
        var found = Product(Product(left, moved), right);
        var norm = Math.Sqrt(singular.Sum(value => value * value)) + 1e-7;
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                var expected = row == column ? -Iterated(singular[row] / norm, iterations) : 0;
                Assert.Equal(expected, found[row, column], 1e-10);
            }
        }
        Assert.All(
            Enumerable.Range(0, rank), index => Assert.InRange(-found[index, index], 0.6, 1.3));
    }

    [Theory]
    [InlineData(5, 12, true)]
    [InlineData(5, 12, false)]
    [InlineData(12, 5, true)]
    public void StepsAreThoseOfTheFormulas(int rows, int columns, bool nesterov)
    {
        var settings = Settings(0.6, nesterov, 3);
        var start = Random(rows, columns, 3);
        double[][,] gradients =
            [.. Enumerable.Range(9, 4).Select(seed => Random(rows, columns, seed))];
        var expected = Plain(start, gradients, settings, 0.24);
        RequireClose(expected, Step(start, gradients, settings, 0.24), 1e-12);
        RequireClose(
            expected, Step(start, gradients, settings, 0.24, ElementType.Float32), 1e-4);
    }

    [Fact]
    public void ZerosStayFinite()
    {
        var moved = Step(
            new double[3, 4], [new double[3, 4]], Settings(0.6, true, 3), 0.1,
            ElementType.Float32);
        foreach (var value in moved)
            Assert.Equal(0, value);
    }

    [Fact]
    public void WrongArgumentsAreRefused()
    {
        TorchLibrary.Initialize(1);
        using var buffer = new NativeBuffer(64);
        Assert.Throws<ArgumentException>(() => TorchOptimizer.MuonStep(
            Settings(0.6, true, 3), 0.1, buffer, buffer, buffer, 8, 3, 3));
        var failure = Assert.Throws<TorchException>(() => TorchOptimizer.MuonStep(
            Settings(0.6, true, 0), 0.1, buffer, buffer, buffer, 0, 3, 3));
        Assert.Contains("expected 1 or more", failure.Message, StringComparison.Ordinal);
    }

    private static OptimizerSettings Settings(double momentum, bool nesterov, int iterations) =>
        new(OptimizerKind.Muon, momentum, nesterov, 0, 0.9, 0.999, 1e-8, iterations);

    private static double Iterated(double value, int iterations)
    {
        for (var iteration = 0; iteration < iterations; iteration++)
        {
            var square = value * value;
            value *= Linear + (square * (Cubic + (square * Quintic)));
        }
        return value;
    }

    /// <summary>The engine's, in a buffer in which the matrix does not lie at the front.</summary>
    private static double[,] Step(
        double[,] start, double[][,] gradients, OptimizerSettings settings, double rate,
        ElementType type = ElementType.Float64)
    {
        const int offset = 16;
        TorchLibrary.Initialize(1);
        var (rows, columns) = (start.GetLength(0), start.GetLength(1));
        using var parameters = NativeBuffer.Of(type, offset + start.Length);
        using var gradient = NativeBuffer.Of(type, offset + start.Length);
        using var momentum = NativeBuffer.Of(type, offset + start.Length);
        Put(parameters, start);
        foreach (var one in gradients)
        {
            Put(gradient, one);
            TorchOptimizer.MuonStep(
                settings, rate, parameters, gradient, momentum, offset, rows, columns, type);
        }
        var result = new double[rows, columns];
        for (var index = 0; index < start.Length; index++)
        {
            result[index / columns, index % columns] = type == ElementType.Float64
                ? parameters.AsSpan<double>()[offset + index]
                : parameters.AsSpan<float>()[offset + index];
        }
        return result;

        void Put(NativeBuffer buffer, double[,] values)
        {
            for (var index = 0; index < values.Length; index++)
            {
                var value = values[index / columns, index % columns];
                if (type == ElementType.Float64)
                    buffer.AsSpan<double>()[offset + index] = value;
                else
                    buffer.AsSpan<float>()[offset + index] = (float)value;
            }
        }
    }

    private static double[,] Plain(
        double[,] start, double[][,] gradients, OptimizerSettings settings, double rate)
    {
        var value = start;
        var momentum = new double[start.GetLength(0), start.GetLength(1)];
        foreach (var gradient in gradients)
        {
            momentum = Sum(momentum, settings.Momentum, gradient, 1);
            var direction = settings.Nesterov
                ? Sum(gradient, 1, momentum, settings.Momentum)
                : momentum;
            var turned = Sum(direction, 1 / (Norm(direction) + 1e-7), direction, 0);
            for (var iteration = 0; iteration < settings.NewtonSchulzSteps; iteration++)
            {
                // X X^T X first, whatever the matrix's shape: the same up to rounding.
                var third = Product(Product(turned, Transposed(turned)), turned);
                var fifth = Product(Product(third, Transposed(turned)), turned);
                turned = Sum(
                    Sum(turned, Linear, third, Cubic), 1, fifth, Quintic);
            }
            var scale = Math.Sqrt(value.GetLength(0)) / Norm(value);
            value = Sum(value, scale, turned, -rate);
        }
        return value;
    }

    /// <summary>Mirrors along a drawn direction: orthogonal, and its own inverse.</summary>
    private static double[,] Reflection(int size, int seed)
    {
        var axis = Random(size, 1, seed);
        var squared = Norm(axis) * Norm(axis);
        var reflection = new double[size, size];
        for (var row = 0; row < size; row++)
        {
            for (var column = 0; column < size; column++)
            {
                reflection[row, column] = (row == column ? 1 : 0)
                    - (2 * axis[row, 0] * axis[column, 0] / squared);
            }
        }
        return reflection;
    }

    private static double[,] Random(int rows, int columns, int seed)
    {
        var random = new Random(seed);
        return Matrix(rows, columns, (_, _) => (float)(random.NextDouble() - 0.5));
    }

    private static double[,] Matrix(int rows, int columns, Func<int, int, double> element)
    {
        var matrix = new double[rows, columns];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
                matrix[row, column] = element(row, column);
        }
        return matrix;
    }

    private static double[,] Product(double[,] left, double[,] right) => Matrix(
        left.GetLength(0), right.GetLength(1), (row, column) => Enumerable
            .Range(0, right.GetLength(0)).Sum(index => left[row, index] * right[index, column]));

    private static double[,] Transposed(double[,] matrix) => Matrix(
        matrix.GetLength(1), matrix.GetLength(0), (row, column) => matrix[column, row]);

    private static double[,] Sum(double[,] left, double a, double[,] right, double b) => Matrix(
        left.GetLength(0), left.GetLength(1),
        (row, column) => (a * left[row, column]) + (b * right[row, column]));

    private static double Norm(double[,] matrix) =>
        Math.Sqrt(matrix.Cast<double>().Sum(value => value * value));

    private static void RequireClose(double[,] expected, double[,] actual, double tolerance)
    {
        foreach (var (wanted, found) in expected.Cast<double>().Zip(actual.Cast<double>()))
            Assert.Equal(wanted, found, tolerance);
    }
}
