using System.Globalization;
using Distributed.Cli.Reports;
using Distributed.Cluster.Sweeps;
using Distributed.Dashboard.Reports;

namespace Distributed.Cli.Exercises;

/// <summary>Exercise 4: additional convolutional layers. Is more better?</summary>
internal sealed class DepthExercise : Exercise
{
    /// <summary>How many layers follow the first.</summary>
    private const string RepeatKey = "model.layers.repeat";

    private const int LayersMax = 5;

    public override int Number => 4;

    public override string Title => "Exercise 4: additional convolutional layers";

    public override string Question => "Are more convolutional layers better?";

    public override ParameterLabels Labels { get; } = new(
        new ParameterLabel(
            RepeatKey, "convolutional layers",
            Enumerable.Range(1, LayersMax).ToDictionary(layers => $"{layers - 1}",
                layers => $"{layers}")));

    protected override string FileName => "4-depth";

    public override string Headline(SweepState state)
    {
        IReadOnlyList<Depth> depths = Of(state);
        string missing = Phrases.Missing(state);
        if (depths.Count < 2)
            return $"Whether more convolutional layers are better is not known yet.{missing}";
        Depth best = depths.MaxBy(depth => depth.Found.Accuracy)!;
        // The fewest layers that are not clearly worse than the best.
        Depth enough = depths.First(depth => !best.Found.IsClearlyAbove(depth.Found));
        string accuracies = Phrases.List(
            [.. depths.Select(depth => $"{Figures.Percent(depth.Found.Accuracy)} with "
                + Words(depth.Layers))]);
        string cost = $" The network with {Words(depths[^1].Layers)} needs "
            + $"{Times(depths[^1].Found.Flops, depths[0].Found.Flops)} the FLOPs of the one with "
            + $"{Words(depths[0].Layers)}.";
        return Answer(depths, best, enough) + $" Mean test accuracy is {accuracies}." + cost
            + missing;
    }

    public override IEnumerable<Section> Sections(
        ExerciseFindings findings, CancellationToken cancellation)
    {
        IReadOnlyList<Depth> depths = Of(findings.State);
        if (depths.Count == 0)
            yield break;
        yield return new Section(
            "Accuracy and cost by depth",
            "Each network is the course's with other numbers of convolutional layers between its "
                + "two poolings; with two layers it is the course's own. Lines are 95 % intervals "
                + "of the mean over the seeds, by Student's t.",
            [
                new SideBySide(
                [
                    new BarChart(
                        "Test accuracy by number of convolutional layers",
                        Caption(depths), "convolutional layers",
                        new Axis("test accuracy") { IsShare = true },
                        [
                            .. depths.Select(
                                depth => Phrases.Bar($"{depth.Layers}", depth.Found)),
                        ]),
                    new BarChart(
                        "Work for an image", "Each layer beyond the second adds the same.",
                        "convolutional layers", new Axis("MFLOPs an image") { FromZero = true },
                        [
                            .. depths.Select(depth => new Bar(
                                $"{depth.Layers}", depth.Found.Flops / 1e6)),
                        ]),
                ]),
                Table(depths),
            ]);
    }

    private static string Answer(IReadOnlyList<Depth> depths, Depth best, Depth enough)
    {
        Depth most = depths[^1];
        string Reach(Depth depth) =>
            $"{Words(depth.Layers)} {(depth.Layers == 1 ? "reaches" : "reach")} "
            + Phrases.Accuracy(depth.Found);
        if (depths.All(depth => depth.Found.Interval is null))
        {
            return "Whether more convolutional layers are better is not clearly to be said from "
                + $"one seed: {Reach(best)}, the best.";
        }
        if (enough == best && best == most)
        {
            return "Yes, more convolutional layers are better, up to the "
                + $"{Words(most.Layers)} that were tried: {Reach(most)}, clearly more than fewer "
                + "layers.";
        }
        if (best.Found.IsClearlyAbove(most.Found) && enough == depths[0] && enough == best)
        {
            return $"No, more convolutional layers are worse than {Words(best.Layers)}: "
                + $"{Reach(best)}, {Reach(most)}.";
        }
        if (enough == best && best != depths[0])
        {
            return $"No, more convolutional layers are better only up to {Words(best.Layers)}: "
                + $"{Reach(best)}, clearly more than fewer; {Reach(most)}.";
        }
        string bestText = best == enough
            ? ""
            : $"; the best mean is that of {Words(best.Layers)}, "
                + $"{Figures.Percent(best.Found.Accuracy)}, which may be chance";
        return $"No, more than {Words(enough.Layers)} convolutional "
            + $"{(enough.Layers == 1 ? "layer is" : "layers are")} not clearly better: "
            + $"{Reach(enough)}{bestText}.";
    }

    private static string Caption(IReadOnlyList<Depth> depths)
    {
        Depth best = depths.MaxBy(depth => depth.Found.Accuracy)!;
        return $"The highest mean is that with {Words(best.Layers)}.";
    }

    private static Table Table(IReadOnlyList<Depth> depths) => new(
        "Each number of convolutional layers, as means over the seeds",
        [
            "convolutional layers", "seeds", "test accuracy", "95 % interval", "parameters",
            "FLOPs an image", "images/s", "time of a trial (s)",
        ],
        [
            .. depths.Select(depth => (Cell[])
            [
                Cell.Whole(depth.Layers), Cell.Whole(depth.Found.Trials.Count),
                Cell.Of(depth.Found.Accuracy, Figures.Percent), Phrases.Interval(depth.Found),
                Cell.Whole(depth.Found.ParameterCount), Cell.Whole(depth.Found.Flops),
                Cell.Of(depth.Found.ImagesPerSecond, ReportNumbers.Significant),
                Cell.Of(
                    depth.Found.Trials.Average(trial => trial.Results[^1].Seconds),
                    ReportNumbers.Significant),
            ]),
        ]);

    private static string Times(long many, long few) =>
        few > 0 ? $"{ReportNumbers.Significant(Math.Round((double)many / few, 1))} times" : "more";

    private static IReadOnlyList<Depth> Of(SweepState state) =>
    [
        .. Configuration.Completed(state)
            .Select(found => new Depth(
                1 + int.Parse(found.Text(RepeatKey) ?? "0", CultureInfo.InvariantCulture), found))
            .OrderBy(depth => depth.Layers),
    ];

    private sealed record Depth(int Layers, Configuration Found);
}
