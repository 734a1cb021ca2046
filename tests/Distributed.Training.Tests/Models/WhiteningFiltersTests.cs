using Distributed.Kernel;
using Distributed.Training.Data;
using Distributed.Training.Models;

namespace Distributed.Training.Tests.Models;

/// <summary>
/// Goal: whitening filters make patches uncorrelated and of equal spread, and follow from the
/// images alone. Method: drawn images whose neighbouring pixels are alike; covariances in double.
/// </summary>
public sealed class WhiteningFiltersTests
{
    private const int Images = 60;
    private const int Kernel = 2;
    private const int Size = 3 * Kernel * Kernel;

    private static readonly ImageShape Shape = new(3, 9, 7);
    private static readonly double[] Mean = [0.49, 0.48, 0.45];
    private static readonly double[] Deviation = [0.25, 0.24, 0.26];

    [Fact]
    public void Whitened_patches_have_the_identity_as_covariance()
    {
        using var data = Data(Images);
        var filters = WhiteningFilters.Of(new WhiteningLayer("whiten", Epsilon: 1e-12), data);
        Assert.Equal(2 * Size * Size, filters.Length);
        var patches = Patches(data).ToList();
        var answers = patches.ConvertAll(patch => Answers(filters, patch));
        var means = Enumerable.Range(0, Size)
            .Select(filter => answers.Average(answer => answer[filter])).ToArray();
        for (var first = 0; first < Size; first++)
        {
            for (var second = 0; second < Size; second++)
            {
                var covariance = answers.Average(answer =>
                    (answer[first] - means[first]) * (answer[second] - means[second]));
                Assert.Equal(first == second ? 1 : 0, covariance, 1e-4);
            }
        }
    }

    [Fact]
    public void The_second_half_is_the_first_with_the_other_sign()
    {
        using var data = Data(Images);
        var filters = WhiteningFilters.Of(new WhiteningLayer("whiten"), data);
        Assert.Equal(
            filters[..(Size * Size)].Select(value => -value), filters[(Size * Size)..]);
    }

    /// <summary>The spread of a direction over the root of itself and epsilon is left.</summary>
    [Fact]
    public void Epsilon_keeps_small_spreads_small()
    {
        using var data = Data(Images);
        var plain = WhiteningFilters.Of(new WhiteningLayer("whiten", Epsilon: 1e-12), data);
        var damped = WhiteningFilters.Of(new WhiteningLayer("whiten", Epsilon: 0.25), data);
        for (var filter = 0; filter < Size; filter++)
        {
            // Of a direction of length 1 the filter's length is the root of 1 / (spread + epsilon).
            var spread = 1 / SquaredLength(plain, filter);
            Assert.Equal(1 / (spread + 0.25), SquaredLength(damped, filter), 1e-4);
        }

        static double SquaredLength(float[] filters, int filter) => filters
            .Skip(filter * Size).Take(Size).Sum(value => (double)value * value);
    }

    [Fact]
    public void Only_the_first_samples_count()
    {
        using var few = Data(Images / 2);
        using var all = Data(Images);
        var layer = new WhiteningLayer("whiten", Samples: Images / 2);
        Assert.Equal(WhiteningFilters.Of(layer, few), WhiteningFilters.Of(layer, all));
        Assert.NotEqual(
            WhiteningFilters.Of(layer, all),
            WhiteningFilters.Of(layer with { Samples = Images }, all));
    }

    /// <summary>Images of one colour have no spread at all, and divide nothing by zero.</summary>
    [Fact]
    public void Blank_images_have_finite_filters()
    {
        using var data = new DatasetPair(
            Split(DatasetSplit.Train, 3, _ => 77), Split(DatasetSplit.Test, 1, _ => 77), Mean,
            Deviation);
        Assert.All(
            WhiteningFilters.Of(new WhiteningLayer("whiten"), data),
            value => Assert.True(float.IsFinite(value)));
    }

    [Fact]
    public void Eigenvectors_make_the_matrix()
    {
        const int size = 9;
        var matrix = new double[size, size];
        for (var row = 0; row < size; row++)
        {
            for (var column = 0; column <= row; column++)
            {
                matrix[row, column] = matrix[column, row] =
                    CounterRandom.UnitDouble(5, (ulong)((row * size) + column)) - 0.5;
            }
        }
        var (values, vectors) = SymmetricEigenvectors.Of(matrix);
        Assert.Equal(values.OrderDescending(), values);
        for (var row = 0; row < size; row++)
        {
            for (var column = 0; column < size; column++)
            {
                var product = 0.0;
                var sum = 0.0;
                for (var index = 0; index < size; index++)
                {
                    product += vectors[row, index] * vectors[column, index];
                    sum += values[index] * vectors[index, row] * vectors[index, column];
                }
                Assert.Equal(row == column ? 1 : 0, product, 1e-12);
                Assert.Equal(matrix[row, column], sum, 1e-12);
            }
        }
    }

    private static double[] Answers(float[] filters, double[] patch) =>
    [
        .. Enumerable.Range(0, Size).Select(filter =>
            patch.Select((value, index) => value * filters[(filter * Size) + index]).Sum()),
    ];

    /// <summary>All patches of normalised images, as [channel][row][column].</summary>
    private static IEnumerable<double[]> Patches(DatasetPair data)
    {
        for (var image = 0; image < data.Train.Count; image++)
        {
            for (var y = 0; y + Kernel <= Shape.Height; y++)
            {
                for (var x = 0; x + Kernel <= Shape.Width; x++)
                    yield return Patch(data.Train.Image(image), y, x);
            }
        }
    }

    private static double[] Patch(ReadOnlySpan<byte> image, int y, int x)
    {
        var patch = new double[Size];
        for (var index = 0; index < Size; index++)
        {
            var channel = index / (Kernel * Kernel);
            var row = y + (index / Kernel % Kernel);
            var column = x + (index % Kernel);
            var pixel = image[(((channel * Shape.Height) + row) * Shape.Width) + column];
            patch[index] = ((pixel / 255.0) - Mean[channel]) / Deviation[channel];
        }
        return patch;
    }

    private static DatasetPair Data(int count) => new(
        Split(DatasetSplit.Train, count, Pixel), Split(DatasetSplit.Test, 1, Pixel), Mean,
        Deviation);

    /// <summary>A slope over each image, and noise.</summary>
    private static byte Pixel(int at)
    {
        var image = at / Shape.Length;
        var slope = CounterRandom.Below(1, (ulong)image, 10);
        var noise = CounterRandom.Below(2, (ulong)at, 60);
        return (byte)((slope * (at % Shape.Width)) + noise + (image % 3 * 40));
    }

    private static Dataset Split(DatasetSplit split, int count, Func<int, byte> pixel) =>
        Dataset.FromMemory(
            "slopes", split, Shape, ["a", "b"],
            [.. Enumerable.Range(0, count * Shape.Length).Select(pixel)], new int[count]);
}
