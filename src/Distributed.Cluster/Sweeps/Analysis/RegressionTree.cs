using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Cluster.Sweeps.Analysis;

/// <summary>
/// A regression tree over a bootstrap of the samples. It splits on a dimension only where all
/// samples of a node have it, that is below splits on what it depends on; such a split is credited
/// with what it makes possible, or else a choice that matters only through what depends on it would
/// come last. Where samples lack a dimension, the tree does not vary with it.
/// </summary>
internal sealed class RegressionTree
{
    /// <summary>About so many leaves at most, so that they can be compared pair by pair.</summary>
    private const int LeavesMax = 256;

    private readonly Domain domain;
    private readonly double[][] configurations;
    private readonly double[] losses;
    private readonly int samplesMin;
    private readonly List<TreeLeaf> leaves = [];

    /// <param name="domain">The space.</param>
    /// <param name="configurations">Values on its axes, NaN where there is none.</param>
    /// <param name="losses">One for each configuration.</param>
    /// <param name="draws">For the bootstrap.</param>
    public RegressionTree(
        Domain domain, double[][] configurations, double[] losses, Draws draws)
    {
        this.domain = domain;
        this.configurations = configurations;
        this.losses = losses;
        samplesMin = Math.Max(1, losses.Length / LeavesMax);
        int[] bootstrap = [.. losses.Select(_ => draws.Below(losses.Length))];
        Grow(bootstrap, [.. domain.Axes.Select(AxisPart.All)]);
    }

    public IReadOnlyList<TreeLeaf> Leaves => leaves;

    private void Grow(int[] samples, AxisPart[] parts)
    {
        double mean = samples.Average(sample => losses[sample]);
        if (BestSplit(samples, mean) is not { } split)
        {
            leaves.Add(new(parts, mean));
            return;
        }
        AxisPart[] left = [.. parts];
        AxisPart[] right = [.. parts];
        AxisPart part = parts[split.Axis];
        left[split.Axis] = split.Options is { } chosen
            ? part.Where(chosen, are: true) : part.Below(split.Unit);
        right[split.Axis] = split.Options is { } others
            ? part.Where(others, are: false) : part.From(split.Unit);
        Grow([.. samples.Where(sample => IsLeft(sample, split))], left);
        Grow([.. samples.Where(sample => !IsLeft(sample, split))], right);
    }

    private bool IsLeft(int sample, Split split)
    {
        double value = configurations[sample][split.Axis];
        return split.Options is { } chosen
            ? chosen[(int)value] : domain.Axes[split.Axis].ToUnit(value) < split.Unit;
    }

    /// <summary>The one after which least variance is left; null where none takes any away.
    /// </summary>
    private Split? BestSplit(int[] samples, double mean)
    {
        double variance = samples.Sum(sample => Square(losses[sample] - mean));
        Split? best = null;
        for (int axis = 0; axis < domain.Axes.Count && samples.Length >= 2 * samplesMin; axis++)
        {
            int[] having = [.. samples.Where(
                sample => !double.IsNaN(configurations[sample][axis]))];
            Split? split = having.Length == 0 ? null
                : having.Length < samples.Length ? SplitPresence(samples, having, axis, mean)
                : SplitOn(samples, axis, mean);
            if (split is not null && split.Gain > (best?.Gain ?? (1e-12 * variance)))
                best = split;
        }
        return best;
    }

    private Split? SplitOn(int[] samples, int axis, double mean) => domain.Axes[axis].IsChoice
        ? SplitOptions(samples, axis, mean) : SplitNumbers(samples, axis, mean);

    /// <summary>Towards the samples that have a dimension and those that have not, with the gain of
    /// the split on that dimension afterwards.</summary>
    private Split? SplitPresence(int[] samples, int[] having, int axis, double mean)
    {
        (int choice, bool[] holds) = Decider(samples, axis);
        int left = samples.Count(sample => holds[(int)configurations[sample][choice]]);
        if (left < samplesMin || samples.Length - left < samplesMin)
            return null;
        double gain = Gain(
            having.Sum(sample => losses[sample] - mean), having.Length, samples.Length);
        double after = SplitOn(having, axis, having.Average(sample => losses[sample]))?.Gain ?? 0;
        return new(choice, gain + after, 0, holds);
    }

    /// <summary>The first choice that some of the samples lack a dimension for.</summary>
    private (int Choice, bool[] Holds) Decider(int[] samples, int axis)
    {
        foreach ((int choice, bool[] holds) in domain.ConditionsOf(axis))
        {
            if (Array.Exists(samples, sample => double.IsNaN(configurations[sample][choice])))
                return Decider(samples, choice);
            if (Array.Exists(samples, sample => !holds[(int)configurations[sample][choice]]))
                return (choice, holds);
        }
        throw new ArgumentException($"{domain.Axes[axis].Dimension.Name} is missing in a sample");
    }

    private Split? SplitNumbers(int[] samples, int axis, double mean)
    {
        (double Unit, double Loss)[] sorted = [.. samples
            .Select(sample => (
                domain.Axes[axis].ToUnit(configurations[sample][axis]), losses[sample] - mean))
            .Order()];
        Split? best = null;
        double sum = 0;
        for (int left = 1; left < sorted.Length; left++)
        {
            sum += sorted[left - 1].Loss;
            double middle = (sorted[left - 1].Unit + sorted[left].Unit) / 2;
            if (sorted[left - 1].Unit >= middle
                || left < samplesMin || sorted.Length - left < samplesMin)
            {
                continue;
            }
            double gain = Gain(sum, left, sorted.Length);
            if (gain > (best?.Gain ?? 0))
                best = new(axis, gain, middle, null);
        }
        return best;
    }

    /// <summary>In the order of their mean losses a cut is the best of all partitions (Breiman et
    /// al., Classification and Regression Trees, 1984).</summary>
    private Split? SplitOptions(int[] samples, int axis, double mean)
    {
        var seen = samples.GroupBy(sample => (int)configurations[sample][axis])
            .Select(group => (
                Option: group.Key, Count: group.Count(),
                Sum: group.Sum(sample => losses[sample] - mean)))
            .OrderBy(option => option.Sum / option.Count).ThenBy(option => option.Option)
            .ToArray();
        Split? best = null;
        double sum = 0;
        int left = 0;
        for (int cut = 1; cut < seen.Length; cut++)
        {
            sum += seen[cut - 1].Sum;
            left += seen[cut - 1].Count;
            double gain = Gain(sum, left, samples.Length);
            if (left < samplesMin || samples.Length - left < samplesMin
                || gain <= (best?.Gain ?? 0))
            {
                continue;
            }
            // Options that no sample has go to the side that has more.
            bool[] options = new bool[domain.Axes[axis].Options];
            Array.Fill(options, 2 * left > samples.Length);
            for (int place = 0; place < seen.Length; place++)
                options[seen[place].Option] = place < cut;
            best = new(axis, gain, 0, options);
        }
        return best;
    }

    /// <summary>By how much the sum of squares falls, where both sides' losses are less the mean of
    /// all.</summary>
    private static double Gain(double leftSum, int left, int all) =>
        (leftSum * leftSum / left) + (leftSum * leftSum / (all - left));

    private static double Square(double number) => number * number;

    /// <param name="Axis">Which is split.</param>
    /// <param name="Gain">See above.</param>
    /// <param name="Unit">Of numbers: those below go left.</param>
    /// <param name="Options">Of a choice: those that go left.</param>
    private sealed record Split(int Axis, double Gain, double Unit, bool[]? Options);
}
