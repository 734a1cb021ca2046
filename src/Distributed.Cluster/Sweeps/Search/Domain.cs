namespace Distributed.Cluster.Sweeps.Search;

/// <summary>
/// A space as numbers. A configuration has one value for each axis, NaN where the dimension is not
/// there.
/// </summary>
internal sealed class Domain
{
    private readonly (int Axis, bool[] Holds)[][] conditions;

    public Domain(SearchSpace space)
    {
        Axes = [.. space.Dimensions.Select(dimension => new Axis(dimension))];
        conditions = [.. space.Dimensions.Select(
            dimension => dimension.When.Select(Resolve).ToArray())];
    }

    public IReadOnlyList<Axis> Axes { get; }

    /// <summary>Whether a dimension is there, once those before it have their values.</summary>
    public bool IsPresent(int axis, double[] values)
    {
        foreach ((int before, bool[] holds) in conditions[axis])
        {
            if (double.IsNaN(values[before]) || !holds[(int)values[before]])
                return false;
        }
        return true;
    }

    /// <summary>Whether others depend on what this axis takes.</summary>
    public bool IsCondition(int axis) =>
        conditions.Any(all => all.Any(condition => condition.Axis == axis));

    /// <summary>Whether there are values for what is there, and for nothing else.</summary>
    public bool IsComplete(double[] values) => Enumerable.Range(0, Axes.Count).All(
        axis => IsPresent(axis, values) != double.IsNaN(values[axis]));

    /// <summary>The choices it takes for a dimension to be there, with the options that it takes.
    /// </summary>
    public IReadOnlyList<(int Axis, bool[] Holds)> ConditionsOf(int axis) => conditions[axis];

    /// <summary>Whether two dimensions are always there together.</summary>
    public bool HaveSameConditions(int left, int right) =>
        conditions[left].Length == conditions[right].Length
        && conditions[left].Zip(conditions[right]).All(pair =>
            pair.First.Axis == pair.Second.Axis
            && pair.First.Holds.SequenceEqual(pair.Second.Holds));

    /// <summary>The configuration at a point of the unit cube.</summary>
    public double[] At(Func<int, double> unit)
    {
        double[] values = Nothing();
        for (int axis = 0; axis < Axes.Count; axis++)
        {
            if (IsPresent(axis, values))
                values[axis] = Axes[axis].FromUnit(unit(axis));
        }
        return values;
    }

    public double[] Nothing()
    {
        double[] values = new double[Axes.Count];
        Array.Fill(values, double.NaN);
        return values;
    }

    public double[] Parse(IReadOnlyList<ParameterValue> parameters)
    {
        double[] values = Nothing();
        int next = 0;
        for (int axis = 0; axis < Axes.Count && next < parameters.Count; axis++)
        {
            if (parameters[next].Name == Axes[axis].Dimension.Name)
                values[axis] = Axes[axis].Parse(parameters[next++].Text);
        }
        return values;
    }

    public IReadOnlyList<ParameterValue> Format(double[] values)
    {
        var parameters = new List<ParameterValue>(Axes.Count);
        for (int axis = 0; axis < Axes.Count; axis++)
        {
            if (!double.IsNaN(values[axis]))
                parameters.Add(new(Axes[axis].Dimension.Name, Axes[axis].Format(values[axis])));
        }
        return parameters;
    }

    private (int Axis, bool[] Holds) Resolve(Condition condition)
    {
        int axis = 0;
        while (Axes[axis].Dimension.Name != condition.Dimension)
            axis++;
        var choice = (ChoiceDimension)Axes[axis].Dimension;
        return (axis, [.. choice.Options.Select(option => condition.Options.Contains(option))]);
    }
}
