namespace Distributed.Cluster.Sweeps.Search;

/// <summary>The eigenvalues and vectors of a symmetric matrix, by Jacobi's cyclic rotations.
/// </summary>
internal sealed class SymmetricEigen
{
    private const int SweepsMax = 64;
    private const double LeastValue = 1e-20;

    private readonly int size;
    private readonly double[,] vectors;

    public SymmetricEigen(double[,] symmetric)
    {
        size = symmetric.GetLength(0);
        double[,] matrix = (double[,])symmetric.Clone();
        vectors = new double[size, size];
        for (int row = 0; row < size; row++)
            vectors[row, row] = 1;
        for (int sweep = 0; sweep < SweepsMax && !IsDiagonal(matrix); sweep++)
        {
            for (int row = 0; row < size - 1; row++)
            {
                for (int column = row + 1; column < size; column++)
                    Rotate(matrix, row, column);
            }
        }
        Values = [.. Enumerable.Range(0, size).Select(
            axis => Math.Max(matrix[axis, axis], LeastValue))];
    }

    /// <summary>Above 0: rounding may leave a little less of a matrix without a direction.
    /// </summary>
    public double[] Values { get; }

    public double[] FromAxes(double[] parts) => [.. Enumerable.Range(0, size).Select(
        row => Enumerable.Range(0, size).Sum(axis => vectors[row, axis] * parts[axis]))];

    public double[] ToAxes(double[] vector) => [.. Enumerable.Range(0, size).Select(
        axis => Enumerable.Range(0, size).Sum(row => vectors[row, axis] * vector[row]))];

    private bool IsDiagonal(double[,] matrix)
    {
        double off = 0;
        double all = 0;
        for (int row = 0; row < size; row++)
        {
            for (int column = 0; column < size; column++)
            {
                double square = matrix[row, column] * matrix[row, column];
                all += square;
                off += row == column ? 0 : square;
            }
        }
        return off <= 1e-30 * all;
    }

    private void Rotate(double[,] matrix, int first, int second)
    {
        double off = matrix[first, second];
        if (off == 0)
            return;
        double theta = (matrix[second, second] - matrix[first, first]) / (2 * off);
        double tangent = (theta < 0 ? -1 : 1) / (Math.Abs(theta) + Math.Sqrt((theta * theta) + 1));
        double cosine = 1 / Math.Sqrt((tangent * tangent) + 1);
        double sine = tangent * cosine;
        for (int row = 0; row < size; row++)
            Turn(ref matrix[row, first], ref matrix[row, second], cosine, sine);
        for (int column = 0; column < size; column++)
            Turn(ref matrix[first, column], ref matrix[second, column], cosine, sine);
        for (int row = 0; row < size; row++)
            Turn(ref vectors[row, first], ref vectors[row, second], cosine, sine);
    }

    private static void Turn(ref double first, ref double second, double cosine, double sine)
    {
        double before = first;
        first = (cosine * before) - (sine * second);
        second = (sine * before) + (cosine * second);
    }
}
