namespace Distributed.Training.Models;

/// <summary>
/// Eigenvalues and eigenvectors of a symmetric matrix by Jacobi's cyclic rotations, in a fixed
/// order and with + - * / and the square root alone: the same bits on every machine, which a
/// library's are not.
/// </summary>
internal static class SymmetricEigenvectors
{
    /// <summary>Far more than the six or so that a matrix of this size takes.</summary>
    private const int SweepsMax = 64;

    /// <summary>
    /// Values in falling order; row i of the vectors, of length 1 and with its largest element
    /// positive, belongs to value i.
    /// </summary>
    public static (double[] Values, double[,] Vectors) Of(double[,] matrix)
    {
        var size = matrix.GetLength(0);
        var left = (double[,])matrix.Clone();
        var columns = new double[size, size];
        for (var index = 0; index < size; index++)
            columns[index, index] = 1;
        for (var sweep = 0; sweep < SweepsMax; sweep++)
        {
            if (!Sweep(left, columns))
                break;
        }
        // Sorted by a stable sort, so that equal values keep their place.
        int[] order = [.. Enumerable.Range(0, size).OrderByDescending(index => left[index, index])];
        var values = new double[size];
        var vectors = new double[size, size];
        for (var rank = 0; rank < size; rank++)
        {
            values[rank] = left[order[rank], order[rank]];
            var sign = SignOf(columns, order[rank]);
            for (var index = 0; index < size; index++)
                vectors[rank, index] = sign * columns[index, order[rank]];
        }
        return (values, vectors);
    }

    /// <summary>Rotates every pair of axes once. False where nothing was left to turn.</summary>
    private static bool Sweep(double[,] left, double[,] columns)
    {
        var size = left.GetLength(0);
        var turned = false;
        for (var p = 0; p < size; p++)
        {
            for (var q = p + 1; q < size; q++)
                turned |= Rotate(left, columns, p, q);
        }
        return turned;
    }

    /// <summary>Turns axes p and q so that the element between them becomes 0.</summary>
    private static bool Rotate(double[,] left, double[,] columns, int p, int q)
    {
        var between = left[p, q];
        // Below a unit in the last place of the diagonal a rotation would change nothing.
        var scale = Math.Abs(left[p, p]) + Math.Abs(left[q, q]);
        if (between == 0 || scale + Math.Abs(between) == scale)
            return false;
        var theta = (left[q, q] - left[p, p]) / (2 * between);
        var tangent = 1 / (Math.Abs(theta) + Math.Sqrt((theta * theta) + 1));
        if (theta < 0)
            tangent = -tangent;
        var cosine = 1 / Math.Sqrt((tangent * tangent) + 1);
        var sine = tangent * cosine;
        var size = left.GetLength(0);
        for (var index = 0; index < size; index++)
        {
            (left[index, p], left[index, q]) = Turned(left[index, p], left[index, q]);
            (columns[index, p], columns[index, q]) = Turned(columns[index, p], columns[index, q]);
        }
        for (var index = 0; index < size; index++)
            (left[p, index], left[q, index]) = Turned(left[p, index], left[q, index]);
        left[p, q] = left[q, p] = 0;
        return true;

        (double, double) Turned(double first, double second) =>
            ((cosine * first) - (sine * second), (sine * first) + (cosine * second));
    }

    private static int SignOf(double[,] columns, int column)
    {
        var largest = 0;
        for (var index = 1; index < columns.GetLength(0); index++)
        {
            if (Math.Abs(columns[index, column]) > Math.Abs(columns[largest, column]))
                largest = index;
        }
        return columns[largest, column] < 0 ? -1 : 1;
    }
}
