namespace Distributed.Training.Data;

/// <summary>Mean and standard deviation of each channel, where white is 1.</summary>
internal static class ChannelStatistics
{
    /// <summary>
    /// Counts values first, so that the result is exact and does not depend on the order of the
    /// samples. A channel that never varies gets deviation 1, which leaves it as it is.
    /// </summary>
    public static (IReadOnlyList<double> Mean, IReadOnlyList<double> StandardDeviation) Of(
        Dataset dataset)
    {
        var (channels, height, width) = dataset.Shape;
        var counts = new long[channels][];
        for (var channel = 0; channel < channels; channel++)
        {
            counts[channel] = new long[256];
        }
        for (var index = 0; index < dataset.Count; index++)
        {
            var image = dataset.Image(index);
            for (var channel = 0; channel < channels; channel++)
            {
                foreach (var value in image.Slice(channel * height * width, height * width))
                {
                    counts[channel][value]++;
                }
            }
        }
        var total = (double)dataset.Count * height * width;
        var mean = new double[channels];
        var deviation = new double[channels];
        for (var channel = 0; channel < channels; channel++)
        {
            double sum = 0;
            for (var value = 0; value < 256; value++)
            {
                sum += counts[channel][value] * (value / 255.0);
            }
            mean[channel] = sum / total;
            double squares = 0;
            for (var value = 0; value < 256; value++)
            {
                var difference = (value / 255.0) - mean[channel];
                squares += counts[channel][value] * difference * difference;
            }
            deviation[channel] = squares == 0 ? 1 : Math.Sqrt(squares / total);
        }
        return (mean, deviation);
    }
}
