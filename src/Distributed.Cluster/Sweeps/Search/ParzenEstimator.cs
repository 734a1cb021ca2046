namespace Distributed.Cluster.Sweeps.Search;

/// <summary>
/// A density over some axes, from configurations that were seen there: a mixture with one kernel
/// around each and one as wide as the space, so that nothing is impossible. A kernel is a product
/// over the axes: a normal distribution cut to the unit interval for a number (its share of a cell
/// where it has steps), the option seen and a little of the others for a choice.
/// </summary>
internal sealed class ParzenEstimator
{
    /// <summary>So many of the newest observations weigh fully, those before less and less.
    /// </summary>
    private const int FullWeights = 25;

    private const double PriorWeight = 1;

    /// <summary>
    /// No kernel of a number is narrower, as a share of the range. Optuna divides the range by the
    /// number of kernels instead, which leaves those of the few good observations so wide that the
    /// search hardly closes in; S. Watanabe, Tree-Structured Parzen Estimator: Understanding Its
    /// Algorithm Components and Their Roles, 2023, found a small fixed share better.
    /// </summary>
    private const double WidthMin = 0.05;

    private readonly Axis[] axes;
    private readonly double[][] centres;
    private readonly double[] cumulative;
    private readonly double[] logWeights;
    private readonly double[,] widths;

    /// <summary>By kernel and axis, the logarithm of what a normal distribution has within the unit
    /// interval.</summary>
    private readonly double[,] logInside;

    /// <summary>By kernel and axis, the logarithm of its density at its centre.</summary>
    private readonly double[,] logHeight;

    /// <param name="axes">Numbers and choices.</param>
    /// <param name="seen">The values on these axes, the oldest first.</param>
    public ParzenEstimator(Axis[] axes, IReadOnlyList<double[]> seen)
    {
        this.axes = axes;
        int kernels = seen.Count + 1;
        centres = [.. seen.Select(values => Units(values))];
        widths = new double[kernels, axes.Length];
        logInside = new double[kernels, axes.Length];
        logHeight = new double[kernels, axes.Length];
        double[] weights = [.. Weights(seen.Count), PriorWeight];
        double total = weights.Sum();
        logWeights = [.. weights.Select(weight => Math.Log(weight / total))];
        cumulative = new double[kernels];
        double sum = 0;
        for (int kernel = 0; kernel < kernels; kernel++)
            cumulative[kernel] = sum += weights[kernel] / total;
        for (int axis = 0; axis < axes.Length; axis++)
            Widen(axis);
    }

    private int Prior => centres.Length;

    /// <summary>One value for each axis.</summary>
    public double[] Draw(Draws draws)
    {
        double at = draws.Unit();
        int kernel = 0;
        while (kernel < Prior && cumulative[kernel] <= at)
            kernel++;
        double[] values = new double[axes.Length];
        for (int axis = 0; axis < values.Length; axis++)
            values[axis] = DrawFrom(kernel, axis, draws.Unit());
        return values;
    }

    public double LogDensity(double[] values)
    {
        double[] units = Units(values);
        var cells = new (double Low, double High)[axes.Length];
        for (int axis = 0; axis < cells.Length; axis++)
            cells[axis] = axes[axis].IsDiscrete ? axes[axis].Cell(values[axis]) : default;
        double[] logs = new double[Prior + 1];
        for (int kernel = 0; kernel <= Prior; kernel++)
        {
            double log = logWeights[kernel];
            for (int axis = 0; axis < values.Length; axis++)
                log += LogKernel(kernel, axis, values[axis], units[axis], cells[axis]);
            logs[kernel] = log;
        }
        double most = logs.Max();
        double sum = 0;
        foreach (double log in logs)
            sum += Math.Exp(log - most);
        return most + Math.Log(sum);
    }

    private double[] Units(double[] values) =>
        [.. values.Select((value, axis) => axes[axis].ToUnit(value))];

    private double CentreOf(int kernel, int axis) =>
        kernel == Prior ? 0.5 : centres[kernel][axis];

    private static IEnumerable<double> Weights(int count)
    {
        int fading = Math.Max(count - FullWeights, 0);
        for (int index = 0; index < count; index++)
        {
            yield return index >= fading || fading == 1 ? 1
                : (1.0 / count) + (index * (1 - (1.0 / count)) / (fading - 1));
        }
    }

    /// <summary>
    /// A kernel reaches as far as the further of its two neighbours, so that it is wide where
    /// little was seen, and is not narrow while there are only one or two.
    /// </summary>
    private void Widen(int axis)
    {
        double least = Math.Max(WidthMin, Math.Pow(Prior + 2, -2));
        double[] sorted = new double[Prior + 1];
        for (int kernel = 0; kernel <= Prior; kernel++)
            sorted[kernel] = CentreOf(kernel, axis);
        Array.Sort(sorted);
        for (int kernel = 0; kernel <= Prior; kernel++)
        {
            double centre = CentreOf(kernel, axis);
            double width = kernel == Prior ? 1
                : Math.Clamp(DistanceToNeighbours(sorted, centre), least, 1);
            widths[kernel, axis] = width;
            logInside[kernel, axis] =
                Math.Log(Normal.Cdf((1 - centre) / width) - Normal.Cdf(-centre / width));
            logHeight[kernel, axis] =
                -Math.Log(width) - Normal.LogSqrtTwoPi - logInside[kernel, axis];
        }
    }

    private static double DistanceToNeighbours(double[] sorted, double centre)
    {
        int at = Array.BinarySearch(sorted, centre);
        double below = at > 0 ? centre - sorted[at - 1] : 0;
        double above = at < sorted.Length - 1 ? sorted[at + 1] - centre : 0;
        return Math.Max(below, above);
    }

    private double DrawFrom(int kernel, int axis, double unit)
    {
        if (axes[axis].IsChoice)
        {
            double other = OtherOption(axis);
            double any = kernel == Prior ? 1 : other * axes[axis].Options;
            return axes[axis].FromUnit(unit < any ? unit / any : centres[kernel][axis]);
        }
        double centre = CentreOf(kernel, axis);
        double width = widths[kernel, axis];
        double low = Normal.Cdf(-centre / width);
        double high = Normal.Cdf((1 - centre) / width);
        double drawn = centre + (width * Normal.Quantile(low + ((unit + 1e-16) * (high - low))));
        return axes[axis].FromUnit(Math.Clamp(drawn, 0, 1));
    }

    /// <summary>How likely a kernel of a choice holds each option that was not seen.</summary>
    private double OtherOption(int axis)
    {
        double prior = PriorWeight / (Prior + 1);
        return prior / (1 + (prior * axes[axis].Options));
    }

    private double LogKernel(
        int kernel, int axis, double value, double unit, (double Low, double High) cell)
    {
        if (axes[axis].IsChoice)
        {
            double other = OtherOption(axis);
            return Math.Log(
                kernel == Prior ? 1.0 / axes[axis].Options
                : (int)axes[axis].FromUnit(centres[kernel][axis]) == (int)value
                    ? 1 - (other * (axes[axis].Options - 1))
                : other);
        }
        double centre = CentreOf(kernel, axis);
        double width = widths[kernel, axis];
        if (axes[axis].IsDiscrete)
        {
            double share = Normal.Cdf((cell.High - centre) / width)
                - Normal.Cdf((cell.Low - centre) / width);
            return Math.Log(Math.Max(share, 0)) - logInside[kernel, axis];
        }
        double distance = (unit - centre) / width;
        return logHeight[kernel, axis] - (distance * distance / 2);
    }
}
