using Distributed.Kernel;

namespace Distributed.Cluster.Sweeps.Search;

/// <summary>
/// A Sobol sequence with the direction numbers of S. Joe and F. Y. Kuo, Constructing Sobol
/// Sequences with Better Two-Dimensional Projections, 2008 (new-joe-kuo-6), scrambled as A. B. Owen
/// does it (Randomly Permuted (t,m,s)-Nets, 1995): each bit is flipped or not, as its coordinate
/// and the bits above it say.
/// </summary>
internal sealed class SobolSequence
{
    private const int Bits = 32;

    /// <summary>By dimension, from the second: the polynomial's inner coefficients and the first
    /// direction numbers, as many as its degree.</summary>
    private static readonly (uint Coefficients, uint[] Start)[] Table =
    [
        (0, [1]), (1, [1, 3]), (1, [1, 3, 1]), (2, [1, 1, 1]), (1, [1, 1, 3, 3]),
        (4, [1, 3, 5, 13]), (2, [1, 1, 5, 5, 17]), (4, [1, 1, 5, 5, 5]), (7, [1, 1, 7, 11, 19]),
        (11, [1, 1, 5, 1, 1]), (13, [1, 1, 1, 3, 11]), (14, [1, 3, 5, 5, 31]),
        (1, [1, 3, 3, 9, 7, 49]), (13, [1, 1, 1, 15, 21, 21]), (16, [1, 3, 1, 13, 27, 49]),
        (19, [1, 1, 1, 15, 7, 5]), (22, [1, 3, 1, 15, 13, 25]), (25, [1, 1, 5, 5, 19, 61]),
        (1, [1, 3, 7, 11, 23, 15, 103]), (4, [1, 3, 7, 13, 13, 15, 69]),
        (7, [1, 1, 3, 13, 7, 35, 63]), (8, [1, 3, 5, 9, 1, 25, 53]),
        (14, [1, 3, 1, 13, 9, 35, 107]), (19, [1, 3, 1, 5, 27, 61, 31]),
        (21, [1, 1, 5, 11, 19, 41, 61]), (28, [1, 3, 5, 3, 3, 13, 69]),
        (31, [1, 1, 7, 13, 1, 19, 1]), (32, [1, 3, 7, 5, 13, 19, 59]),
        (37, [1, 1, 3, 9, 25, 29, 41]), (41, [1, 3, 5, 13, 23, 1, 55]),
        (42, [1, 3, 7, 3, 13, 59, 17]), (50, [1, 3, 1, 3, 5, 53, 69]),
        (55, [1, 1, 5, 5, 23, 33, 13]), (56, [1, 1, 7, 7, 1, 61, 123]),
        (59, [1, 1, 7, 9, 13, 61, 49]), (62, [1, 3, 3, 5, 3, 55, 33]),
        (14, [1, 3, 1, 15, 31, 13, 49, 245]), (21, [1, 3, 5, 15, 31, 59, 63, 97]),
        (22, [1, 3, 1, 11, 11, 11, 77, 249]),
    ];

    private readonly uint[][] directions;
    private readonly ulong[] keys;

    public SobolSequence(int dimensions, ulong seed)
    {
        directions = [.. Enumerable.Range(0, dimensions).Select(Directions)];
        keys = [.. Enumerable.Range(0, dimensions).Select(dimension => CounterRandom.Key(
            seed, (ulong)dimension, (ulong)DrawPurpose.SobolScramble))];
    }

    public static int DimensionsMax => Table.Length + 1;

    /// <summary>In (0, 1): the middle of the finest interval that the point is in.</summary>
    public double Coordinate(uint number, int dimension) =>
        (Scramble(Unscrambled(number, dimension), keys[dimension]) + 0.5) / (1L << Bits);

    /// <summary>The sequence itself, as a binary fraction.</summary>
    public uint Unscrambled(uint number, int dimension)
    {
        uint point = 0;
        for (int bit = 0; bit < Bits; bit++)
        {
            if (((number >> bit) & 1) != 0)
                point ^= directions[dimension][bit];
        }
        return point;
    }

    private static uint Scramble(uint point, ulong key)
    {
        uint scrambled = 0;
        for (int depth = 0; depth < Bits; depth++)
        {
            // Nodes of the binary tree of prefixes, numbered as in a heap.
            ulong node = (1UL << depth) | ((ulong)point >> (Bits - depth));
            uint bit = (point >> (Bits - 1 - depth)) & 1;
            uint flip = (uint)(CounterRandom.UInt64(key, node) >> 63);
            scrambled = (scrambled << 1) | (bit ^ flip);
        }
        return scrambled;
    }

    private static uint[] Directions(int dimension)
    {
        uint[] directions = new uint[Bits];
        if (dimension == 0)
        {
            for (int bit = 0; bit < Bits; bit++)
                directions[bit] = 1u << (Bits - 1 - bit);
            return directions;
        }
        (uint coefficients, uint[] start) = Table[dimension - 1];
        int degree = start.Length;
        for (int bit = 0; bit < Bits; bit++)
        {
            if (bit < degree)
            {
                directions[bit] = start[bit] << (Bits - 1 - bit);
                continue;
            }
            uint direction = directions[bit - degree] ^ (directions[bit - degree] >> degree);
            for (int term = 1; term < degree; term++)
            {
                if (((coefficients >> (degree - 1 - term)) & 1) != 0)
                    direction ^= directions[bit - term];
            }
            directions[bit] = direction;
        }
        return directions;
    }
}
