using Distributed.Dashboard.Reports;
using Distributed.Training.Data;

namespace Distributed.Dashboard.Tests;

/// <summary>A report with one block of each kind, and texts that want to break out.</summary>
internal static class SampleReport
{
    public const string Hostile = "</script><script>alert('x')</script> \"&\" | `a` *b* 5 %";

    public static Report Create() => new(
        "Sample " + Hostile, $"The answer is {Hostile}.",
        [
            new Section("Words", $"A text, {Hostile}.", Words()),
            new Section("Lines & bars", "", Lines()),
            new Section("Points", "", Points()),
            new Section("Points", "The same heading again.", [Images()]),
        ]);

    private static Block[] Words() =>
    [
        new KeyFigures([new("Accuracy", "90.93 %", "of 10,000"), new("Time", "1:02", "")]),
        new Paragraph(Hostile),
        new FactList([new("Device", "cpu"), new("Name", Hostile)]),
        new CodeBlock("Command", "./distributed train --model 'a ``` b' # 5 %"),
        new Table(
            "Fruit",
            ["fruit", "count", "share", Hostile],
            [
                ["pear", Cell.Whole(1200), new Cell("9 %", 0.09), Hostile],
                ["apple", Cell.Whole(30), new Cell("10 %", 0.1), "b10"],
                ["fig", Cell.None, Cell.None, "b9"],
            ]),
    ];

    private static Block[] Lines() =>
    [
        new SideBySide(
        [
            new LineChart(
                "Loss", "The loss fell.", new Axis("epoch") { IsWhole = true }, new Axis("loss"),
                [
                    new LineSeries("train", [new(1, 2), new(2, 1.5), new(3, 1)])
                    {
                        Band = [new(1, 1.5, 2.5), new(2, 1, 2), new(3, 0.9, 1.1)],
                    },
                    new LineSeries(Hostile, [new(1, 2.2), new(3, double.NaN)]),
                    Background("x", 3), Background("y", 5), Background("z", 4),
                ]),
            new BarChart(
                "Bars", "One is longer.", "name", new Axis("share") { IsShare = true },
                [new Bar("a", 0.5, 0.4, 0.6), new Bar(Hostile, 0.25, 0.2, 0.3)]),
        ]),
        new Timeline(
            "Time", "Rank 1 waits.",
            [
                new("rank 0", [new(1, 10, 12, 3, 1), new(11, 20, 11, 3, 1)]),
                new("rank 1", [new(1, 10, 9, 4, 5), new(11, 20, double.NaN, 3, 1)]),
            ]),
    ];

    private static LineSeries Background(string name, double at) =>
        new(name, [new(1, at), new(2, at)]) { Weight = LineWeight.Faint };

    private static Block[] Points() =>
    [
        new ScatterChart(
            "Scatter", "Two points.", new Axis("rate") { IsLogarithmic = true },
            new Axis("accuracy") { IsShare = true },
            [
                new ScatterSeries("all", [new("t1", 1e-4, 0.5), new(Hostile, 1e-2, 0.75)]),
                new ScatterSeries("front", [new("t2", 1e-3, 0.9)], IsConnected: true),
            ]),
        new ScatterChart(
            "Words", "By word.", new Axis("kind") { Categories = ["adam", Hostile] },
            new Axis("accuracy") { IsShare = true },
            [new ScatterSeries("all", [new("t1", 0, 0.5), new("t2", 1, 0.75)])])
        {
            NumbersIn = "Words",
        },
        new ParallelChart(
            "Parallel", "Two lines.",
            [
                new Axis("rate") { IsLogarithmic = true },
                new Axis("kind") { Categories = ["adam", Hostile] },
                new Axis("accuracy") { IsShare = true },
            ],
            IsMoreBetter: true,
            [new("t1", [1e-4, 0, 0.5]), new("t2", [1e-2, double.NaN, 0.75])]),
        new HeatMap(
            "Confusion", "Mostly right.", "true", "taken for", ["cat", Hostile],
            [[90, 10], [5, 1095]]),
    ];

    private static ImageGrid Images() => new(
        "Pictures", "Two greys.", 32,
        [
            new(PngImage.Encode([0, 255, 128, 3], new ImageShape(1, 2, 2)), "one", "Image one"),
            new(PngImage.Encode([9], new ImageShape(1, 1, 1)), "", Hostile),
        ]);
}
