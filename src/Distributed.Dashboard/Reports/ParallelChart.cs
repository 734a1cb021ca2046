namespace Distributed.Dashboard.Reports;

/// <summary>
/// Parallel coordinates: a line a trial, across an axis for each thing that varies. The last axis
/// is the objective, which gives each line its colour.
/// </summary>
public sealed record ParallelChart(
    string Heading, string Caption, IReadOnlyList<Axis> Axes, bool IsMoreBetter,
    IReadOnlyList<ParallelLine> Lines) : Chart(Heading, Caption)
{
    public override string Kind => "parallel";

    public override Table Numbers() => new(
        Heading, ["line", .. Axes.Select(axis => axis.Name)],
        [
            .. Lines.Select(line => (Cell[])
                [line.Name, .. line.Values.Zip(Axes, (value, axis) => axis.Cell(value))]),
        ]);
}

/// <summary>A value an axis; NaN where there is none.</summary>
public sealed record ParallelLine(string Name, IReadOnlyList<double> Values);
