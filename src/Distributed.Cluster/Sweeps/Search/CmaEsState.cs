namespace Distributed.Cluster.Sweeps.Search;

/// <summary>Where the strategy searches: a normal distribution and the paths it came along. Letters
/// in comments are those of the tutorial.</summary>
internal sealed class CmaEsState
{
    private const double FirstStepSize = 1.0 / 6;

    private readonly int count;
    private readonly double[] weights;
    private readonly double[] widthsMin;
    private readonly double effective;
    private readonly double stepRate;
    private readonly double stepDamping;
    private readonly double pathRate;
    private readonly double rankOneRate;
    private readonly double rankManyRate;
    private readonly double lengthExpected;

    private readonly double[] mean;
    private readonly double[] stepPath;
    private readonly double[] path;
    private readonly double[,] covariance;
    private double stepSize = FirstStepSize;
    private int generation;
    private SymmetricEigen axes;

    public CmaEsState(IReadOnlyList<Axis> dimensions, int population)
    {
        count = dimensions.Count;
        // Where there are steps, a draw has to be able to leave the cell it is in.
        widthsMin = [.. dimensions.Select(
            axis => axis.ValueCount is { } values ? 0.5 / values : 0)];
        weights = [.. Enumerable.Range(1, population / 2).Select(
            rank => Math.Log((population + 1) / 2.0) - Math.Log(rank))];
        double sum = weights.Sum();
        weights = [.. weights.Select(weight => weight / sum)];
        effective = 1 / weights.Sum(weight => weight * weight); // μ_eff
        stepRate = (effective + 2) / (count + effective + 5); // c_σ
        stepDamping = 1 + stepRate
            + (2 * Math.Max(0, Math.Sqrt((effective - 1) / (count + 1)) - 1)); // d_σ
        pathRate = (4 + (effective / count)) / (count + 4 + (2 * effective / count)); // c_c
        rankOneRate = 2 / (((count + 1.3) * (count + 1.3)) + effective); // c_1
        rankManyRate = Math.Min(
            1 - rankOneRate,
            2 * (effective - 2 + (1 / effective))
                / (((count + 2.0) * (count + 2)) + effective)); // c_μ
        lengthExpected = Math.Sqrt(count)
            * (1 - (1 / (4.0 * count)) + (1 / (21.0 * count * count)));
        mean = new double[count];
        Array.Fill(mean, 0.5);
        stepPath = new double[count];
        path = new double[count];
        covariance = new double[count, count];
        for (int row = 0; row < count; row++)
            covariance[row, row] = 1;
        axes = new SymmetricEigen(covariance);
    }

    /// <summary>A point that may be outside the unit cube.</summary>
    public double[] Draw(Draws draws)
    {
        double[] scaled = [.. axes.Values.Select(value =>
            Math.Sqrt(value) * Normal.Quantile(draws.Unit() + 1e-17))];
        double[] step = axes.FromAxes(scaled);
        return [.. mean.Select((at, row) => at + (stepSize * step[row]))];
    }

    /// <param name="bestFirst">What is known of the generation.</param>
    public void Learn(IReadOnlyList<double[]> bestFirst)
    {
        int used = Math.Min(bestFirst.Count, weights.Length);
        if (used == 0)
            return;
        double total = weights.Take(used).Sum();
        double[][] steps = [.. bestFirst.Take(used).Select(
            point => point.Select((at, row) => (at - mean[row]) / stepSize).ToArray())];
        double[] moved = new double[count];
        for (int rank = 0; rank < used; rank++)
        {
            for (int row = 0; row < count; row++)
                moved[row] += weights[rank] / total * steps[rank][row];
        }
        for (int row = 0; row < count; row++)
            mean[row] = Math.Clamp(mean[row] + (stepSize * moved[row]), 0, 1);
        bool isFast = MovePaths(moved);
        for (int row = 0; row < count; row++)
        {
            for (int column = 0; column < count; column++)
                Adapt(row, column, steps, total, isFast);
        }
        double length = Math.Sqrt(stepPath.Sum(part => part * part));
        stepSize = Math.Min(
            1, stepSize * Math.Exp(stepRate / stepDamping * ((length / lengthExpected) - 1)));
        for (int row = 0; row < count; row++)
        {
            double least = widthsMin[row] / stepSize;
            covariance[row, row] = Math.Max(covariance[row, row], least * least);
        }
        axes = new SymmetricEigen(covariance);
    }

    /// <summary>Whether the mean moves so fast that the covariance must not follow (h_σ = 0).
    /// </summary>
    private bool MovePaths(double[] moved)
    {
        double[] inAxes = axes.ToAxes(moved);
        double[] whitened = axes.FromAxes(
            [.. inAxes.Select((part, axis) => part / Math.Sqrt(axes.Values[axis]))]);
        double stepGain = Math.Sqrt(stepRate * (2 - stepRate) * effective);
        for (int row = 0; row < count; row++)
            stepPath[row] = ((1 - stepRate) * stepPath[row]) + (stepGain * whitened[row]);
        generation++;
        double length = Math.Sqrt(stepPath.Sum(part => part * part));
        double settled = Math.Sqrt(1 - Math.Pow(1 - stepRate, 2 * generation));
        bool isFast = length / settled >= (1.4 + (2.0 / (count + 1))) * lengthExpected;
        double gain = isFast ? 0 : Math.Sqrt(pathRate * (2 - pathRate) * effective);
        for (int row = 0; row < count; row++)
            path[row] = ((1 - pathRate) * path[row]) + (gain * moved[row]);
        return isFast;
    }

    private void Adapt(int row, int column, double[][] steps, double total, bool isFast)
    {
        double many = 0;
        for (int rank = 0; rank < steps.Length; rank++)
            many += weights[rank] / total * steps[rank][row] * steps[rank][column];
        double kept = 1 - rankOneRate - rankManyRate
            + (isFast ? rankOneRate * pathRate * (2 - pathRate) : 0);
        covariance[row, column] = (kept * covariance[row, column])
            + (rankOneRate * path[row] * path[column]) + (rankManyRate * many);
    }
}
