namespace Distributed.Cluster.Sweeps.Search;

/// <summary>
/// All configurations of a space whose dimensions have steps or options, numbered as a reader would
/// list them: the last dimension changes fastest, and one that is not there does not count.
/// </summary>
internal sealed class Combinations
{
    /// <summary>Counts stop here, well before they overflow.</summary>
    public const long CountMax = 1_000_000_000_000;

    private readonly Domain domain;
    private readonly bool[] isCondition;

    /// <param name="domain">All of its axes are discrete.</param>
    public Combinations(Domain domain)
    {
        this.domain = domain;
        isCondition = [.. Enumerable.Range(0, domain.Axes.Count).Select(domain.IsCondition)];
        Count = CountFrom(0, domain.Nothing());
    }

    /// <summary>How many there are, at most <see cref="CountMax"/>.</summary>
    public long Count { get; }

    public double[] At(long number)
    {
        double[] values = domain.Nothing();
        for (int axis = 0; axis < values.Length; axis++)
        {
            if (!domain.IsPresent(axis, values))
                continue;
            long value = 0;
            if (isCondition[axis])
            {
                values[axis] = 0;
                for (long after; number >= (after = CountFrom(axis + 1, values)); value++)
                {
                    number -= after;
                    values[axis] = value + 1;
                }
            }
            else
            {
                value = Math.DivRem(number, CountFrom(axis + 1, values), out number);
            }
            values[axis] = domain.Axes[axis].ValueAt(value);
        }
        return values;
    }

    public long NumberOf(double[] values)
    {
        double[] before = domain.Nothing();
        long number = 0;
        for (int axis = 0; axis < values.Length; axis++)
        {
            if (!domain.IsPresent(axis, before))
                continue;
            long index = domain.Axes[axis].IndexOf(values[axis]);
            if (isCondition[axis])
            {
                for (int option = 0; option < index; option++)
                {
                    before[axis] = option;
                    number += CountFrom(axis + 1, before);
                }
            }
            else
            {
                number += index * CountFrom(axis + 1, before);
            }
            before[axis] = values[axis];
        }
        return number;
    }

    /// <summary>How many ways there are to fill that axis and those after it.</summary>
    private long CountFrom(int axis, double[] values)
    {
        if (axis == values.Length)
            return 1;
        if (!domain.IsPresent(axis, values))
            return CountFrom(axis + 1, values);
        long count = 0;
        if (isCondition[axis])
        {
            double[] next = [.. values];
            for (int option = 0; option < domain.Axes[axis].Options; option++)
            {
                next[axis] = option;
                count += CountFrom(axis + 1, next);
            }
        }
        else
        {
            long after = CountFrom(axis + 1, values);
            long here = domain.Axes[axis].ValueCount!.Value;
            count = here > CountMax / after ? CountMax : here * after;
        }
        return Math.Min(count, CountMax);
    }
}
