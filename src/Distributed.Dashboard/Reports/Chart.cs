using System.Text.Json.Serialization;

namespace Distributed.Dashboard.Reports;

/// <summary>
/// A drawing of numbers. Who cannot see it reads the caption, and the numbers in a table.
/// </summary>
/// <param name="Heading">What is drawn.</param>
/// <param name="Caption">One sentence that says what is to be seen.</param>
public abstract record Chart(string Heading, string Caption) : Block
{
    /// <summary>The drawing's name in report.js.</summary>
    public abstract string Kind { get; }

    /// <summary>
    /// Where the numbers stand if not with the chart: the heading of a section. For charts of what
    /// a large table holds anyway.
    /// </summary>
    [JsonIgnore]
    public string? NumbersIn { get; init; }

    /// <summary>What is drawn, as a table.</summary>
    public abstract Table Numbers();
}

/// <summary>What a direction of a chart means.</summary>
/// <param name="Name">With the unit, such as "time (ms)".</param>
public sealed record Axis(string Name)
{
    public bool IsLogarithmic { get; init; }

    /// <summary>Values are shares, shown as percents.</summary>
    public bool IsShare { get; init; }

    /// <summary>Values are whole numbers, such as epochs.</summary>
    public bool IsWhole { get; init; }

    /// <summary>Whether 0 is always in sight.</summary>
    public bool FromZero { get; init; }

    /// <summary>Where not null, values are indices into these words.</summary>
    public IReadOnlyList<string>? Categories { get; init; }

    /// <summary>A value as people read it.</summary>
    public string Show(double value) => Categories is null
        ? ReportNumbers.Show(value, IsShare)
        : Categories[(int)value];

    internal Cell Cell(double value) =>
        double.IsFinite(value)
            ? new Cell(Show(value), Categories is null ? value : null)
            : Reports.Cell.None;
}

public readonly record struct ChartPoint(double X, double Y);
