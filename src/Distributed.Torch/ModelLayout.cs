using Distributed.Kernel;

namespace Distributed.Torch;

/// <summary>The text of dt_model_describe as values.</summary>
internal sealed record ModelLayout(
    IReadOnlyList<TensorInfo> Parameters, IReadOnlyList<TensorInfo> Statistics,
    IReadOnlyList<GradientBucket> Buckets, long ParameterLength, long StatisticsLength, int Classes,
    int ImageLength, int ShardsMax)
{
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
