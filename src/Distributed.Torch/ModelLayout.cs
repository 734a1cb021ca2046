using Distributed.Kernel;

namespace Distributed.Torch;

/// <summary>What lies where in a network's flat buffers, and what one call of it takes.</summary>
/// <param name="Parameters">Of the parameter buffer, which is laid out as the gradients
/// are.</param>
/// <param name="Statistics">running_mean and running_var of each batch norm.</param>
/// <param name="Buckets">In the order in which backward completes them; together they tile the
/// gradient buffer.</param>
/// <param name="ParameterLength">In elements, as all lengths are.</param>
/// <param name="StatisticsLength">Of the statistics buffer.</param>
/// <param name="Classes">What the network tells apart.</param>
/// <param name="ImageLength">Channels × height × width.</param>
/// <param name="ShardsMax">The most shards that one call takes.</param>
public sealed record ModelLayout(
    IReadOnlyList<TensorInfo> Parameters, IReadOnlyList<TensorInfo> Statistics,
    IReadOnlyList<GradientBucket> Buckets, long ParameterLength, long StatisticsLength, int Classes,
    int ImageLength, int ShardsMax)
{
    /// <summary>Gradients, then statistics, then the trailer.</summary>
    public long GradientLength =>
        ParameterLength + StatisticsLength + TorchModel.TrailerLength;

    /// <summary>Reads the text of dt_model_describe or dt_trainer_describe.</summary>
    internal static ModelLayout Parse(string text)
    {
        var parameters = new List<TensorInfo>();
        var statistics = new List<TensorInfo>();
        var buckets = new List<GradientBucket>();
        var (parameterLength, statisticsLength) = (0L, 0L);
        var (classes, imageLength, shardsMax) = (0, 0, 1);
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split(' ');
            switch (words[0])
            {
                case "lengths":
                    (parameterLength, statisticsLength) =
                        (long.Parse(words[1]), long.Parse(words[2]));
                    break;
                case "input":
                    imageLength = words.Skip(1)
                        .Aggregate(1, (size, word) => size * int.Parse(word));
                    break;
                case "classes":
                    classes = int.Parse(words[1]);
                    break;
                case "shards":
                    shardsMax = int.Parse(words[1]);
                    break;
                case "parameter":
                    parameters.Add(Tensor(words));
                    break;
                case "statistic":
                    statistics.Add(Tensor(words));
                    break;
                case "bucket":
                    buckets.Add(new GradientBucket(long.Parse(words[1]), long.Parse(words[2])));
                    break;
                case "capture":
                    // The trainer's own.
                    break;
                default:
                    Invariant.Check(false, "an unknown line in the engine's layout");
                    break;
            }
        }
        return new ModelLayout(
            parameters, statistics, buckets, parameterLength, statisticsLength, classes,
            imageLength, shardsMax);
    }

    private static TensorInfo Tensor(string[] words) => new(
        words[1], [.. words.Skip(4).Select(int.Parse)], long.Parse(words[2]), long.Parse(words[3]));
}
