using Distributed.Kernel;
using Distributed.Torch;
using Distributed.Training.Data;

namespace Distributed.Training.Models;

/// <summary>
/// The filters of a whitening layer: the principal directions of the patches of the training
/// images, each over the square root of its variance, then the same with the other sign. A pure
/// function of the images, the same bits on every machine: sums of pixels are whole numbers, and
/// what follows uses only operations that IEEE 754 rounds the same everywhere.
/// </summary>
public static class WhiteningFilters
{
    /// <summary>The most values of a patch: the time it takes grows with their square.</summary>
    internal const int DirectionsMax = 256;

    /// <summary>
    /// Fills the filters of the network's whitening layer, if it has one, where the engine's
    /// layout has them.
    /// </summary>
    public static void Fill(
        Network network, DatasetPair data, IReadOnlyList<TensorInfo> layout,
        Span<float> parameters)
    {
        if (network.Layers.Count == 0 || network.Layers[0] is not { Spec: WhiteningLayer } layer)
            return;
        TensorInfo place = layout.Single(tensor => tensor.Name == layer.Tensors[0].Name);
        Of((WhiteningLayer)layer.Spec, data).CopyTo(
            parameters.Slice(checked((int)place.Offset), checked((int)place.Length)));
    }

    /// <summary>The filters as [filter][channel][row][column], the widest spread first.</summary>
    public static float[] Of(WhiteningLayer layer, DatasetPair data)
    {
        var covariance = Covariance(data, layer.Kernel, layer.Samples);
        var size = covariance.GetLength(0);
        var (variances, directions) = SymmetricEigenvectors.Of(covariance);
        var filters = new float[2 * size * size];
        for (var filter = 0; filter < size; filter++)
        {
            // Rounding may leave a variance of 0 a little below it.
            var divisor = Math.Sqrt(Math.Max(variances[filter], 0) + layer.Epsilon);
            for (var index = 0; index < size; index++)
            {
                var value = (float)(directions[filter, index] / divisor);
                filters[(filter * size) + index] = value;
                filters[((filter + size) * size) + index] = -value;
            }
        }
        return filters;
    }

    /// <summary>
    /// The covariance of the values of normalised patches, in the order [channel][row][column].
    /// </summary>
    private static double[,] Covariance(DatasetPair data, int kernel, int samples)
    {
        var shape = data.Shape;
        var size = shape.Channels * kernel * kernel;
        var sums = new long[size];
        var products = new long[size, size];
        var images = Math.Min(samples, data.Train.Count);
        for (var image = 0; image < images; image++)
            Add(data.Train.Image(image), shape, kernel, sums, products);
        var patches = (double)images * (shape.Height - kernel + 1) * (shape.Width - kernel + 1);
        var covariance = new double[size, size];
        for (var row = 0; row < size; row++)
        {
            for (var column = 0; column <= row; column++)
            {
                var scale = Deviation(row) * Deviation(column);
                var shared = products[row, column] / patches;
                var apart = sums[row] / patches * (sums[column] / patches);
                covariance[row, column] = covariance[column, row] = (shared - apart) / scale;
            }
        }
        return covariance;

        double Deviation(int value) =>
            255 * data.StandardDeviation[value / (kernel * kernel)];
    }

    private static void Add(
        ReadOnlySpan<byte> image, ImageShape shape, int kernel, long[] sums, long[,] products)
    {
        var rows = shape.Height - kernel + 1;
        var columns = shape.Width - kernel + 1;
        for (var first = 0; first < sums.Length; first++)
        {
            for (var y = 0; y < rows; y++)
            {
                var left = Row(image, shape, kernel, first, y, columns);
                foreach (var pixel in left)
                    sums[first] += pixel;
                for (var second = 0; second <= first; second++)
                {
                    products[first, second] += Product(
                        left, Row(image, shape, kernel, second, y, columns));
                }
            }
        }
    }

    /// <summary>The pixels that one place of the patches takes along a row of them.</summary>
    private static ReadOnlySpan<byte> Row(
        ReadOnlySpan<byte> image, ImageShape shape, int kernel, int place, int y, int columns)
    {
        var (channel, inChannel) = Math.DivRem(place, kernel * kernel);
        var (row, column) = Math.DivRem(inChannel, kernel);
        var start = (((channel * shape.Height) + y + row) * shape.Width) + column;
        return image.Slice(start, columns);
    }

    private static long Product(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        Invariant.Check(left.Length == right.Length, "rows of the same patches");
        long sum = 0;
        for (var index = 0; index < left.Length; index++)
            sum += left[index] * right[index];
        return sum;
    }
}
