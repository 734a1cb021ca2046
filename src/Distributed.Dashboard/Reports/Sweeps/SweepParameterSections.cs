using Distributed.Telemetry;

namespace Distributed.Dashboard.Reports.Sweeps;

/// <summary>What the parameters do to the objective.</summary>
internal static class SweepParameterSections
{
    /// <summary>So many trials are drawn; more could not be told apart.</summary>
    private const int DrawnMax = 1000;

    public static IEnumerable<Section> Of(SweepView view)
    {
        IReadOnlyList<SweepTrial> drawn = Thinning.Evenly(view.Ranked, DrawnMax);
        string thinned = drawn.Count < view.Ranked.Count
            ? $" Charts show {Figures.Whole(drawn.Count)} of {Figures.Whole(view.Ranked.Count)} "
                + "trials, the best one and evenly spread ones below it."
            : "";
        if (view.Varied.Count > 0)
        {
            List<Block> blocks = [];
            if (view.Results.Importance.Count > 0)
                blocks.Add(Importance(view));
            blocks.Add(Parallel(view, drawn));
            blocks.Add(new SideBySide(
                [.. view.Varied.Select(parameter => Against(view, drawn, parameter))]));
            yield return new Section(
                "Parameters", $"What was varied, and what {view.Objective.Name} came of it."
                    + thinned, blocks);
        }
        if (SweepSeeds.Chart(view) is { } seeds)
            yield return new Section("Seeds", "", [seeds]);
        Block[] tradeOffs = [.. TradeOffs(view, drawn)];
        if (tradeOffs.Length > 0)
            yield return new Section("Trade-offs", "", [new SideBySide(tradeOffs)]);
    }

    private static BarChart Importance(SweepView view)
    {
        DimensionImportance[] ordered =
            [.. view.Results.Importance.OrderByDescending(dimension => dimension.Share)];
        return new BarChart(
            "Importance",
            $"{view.NameOf(ordered[0].Name)} matters most: it explains "
                + $"{Figures.Percent(ordered[0].Share)} of the differences in "
                + $"{view.Objective.Name}.",
            "parameter", new Axis("share of the variance") { IsShare = true, FromZero = true },
            [
                .. ordered.Select(
                    dimension => new Bar(view.NameOf(dimension.Name), dimension.Share)),
            ]);
    }

    private static ParallelChart Parallel(SweepView view, IReadOnlyList<SweepTrial> drawn) => new(
        "Parameters together",
        $"Each line is a trial; the best one has {view.Describe(view.Ranked[0])}.",
        [
            .. view.Varied.Select(parameter => parameter.AxisWithNone),
            SweepView.AxisOf(view.Objective),
        ],
        view.Objective.IsMaximized,
        [
            .. drawn.Select(trial => new ParallelLine(
                Name(trial),
                [
                    .. view.Varied.Select(parameter => parameter.At(
                        view.Text(trial, parameter), parameter.AxisWithNone)),
                    SweepView.Value(trial),
                ])),
        ])
    {
        NumbersIn = TrialTable.Heading,
    };

    private static ScatterChart Against(
        SweepView view, IReadOnlyList<SweepTrial> drawn, VariedParameter parameter)
    {
        Axis axis = parameter.Axis;
        ScatterPoint[] points =
        [
            .. from trial in drawn
               let at = parameter.At(view.Text(trial, parameter), axis)
               where double.IsFinite(at)
               select new ScatterPoint(Name(trial), at, SweepView.Value(trial)),
        ];
        string[] best =
        [
            .. view.Ranked.Take(Math.Max(view.Ranked.Count / 10, 1))
                .Select(trial => view.Text(trial, parameter)).OfType<string>().Distinct(),
        ];
        return new ScatterChart(
            parameter.Name, $"{Tenth(view.Ranked.Count)} {Values(parameter, best)}.",
            axis, SweepView.AxisOf(view.Objective),
            [new ScatterSeries("trials", points)])
        {
            NumbersIn = TrialTable.Heading,
        };
    }

    private static string Tenth(int trials) =>
        trials >= 20 ? $"The best {trials / 10} trials have" : "The best trial has";

    private static string Values(VariedParameter parameter, string[] best)
    {
        string[] ordered = [.. parameter.Texts.Where(best.Contains)];
        return ordered.Length switch
        {
            0 => "none",
            1 => ordered[0],
            _ when parameter.IsNumeric => $"{ordered[0]} to {ordered[^1]}",
            _ => string.Join(" or ", ordered),
        };
    }

    private static IEnumerable<ScatterChart> TradeOffs(
        SweepView view, IReadOnlyList<SweepTrial> drawn)
    {
        if (view.Results.Objectives.Count > 1)
        {
            yield return Pareto(view, drawn);
            yield break;
        }
        if (drawn.Any(trial => trial.Seconds > 0))
        {
            yield return Cost(
                view, drawn, new Axis("training time (s)"), "Training time",
                trial => trial.Seconds > 0 ? trial.Seconds : null, Figures.Duration);
        }
        if (drawn.Select(trial => trial.ParameterCount).Distinct().Count() > 1)
        {
            yield return Cost(
                view, drawn, new Axis("parameters"), "Size of the network",
                trial => trial.ParameterCount, count => $"{Figures.Whole((long)count)} parameters");
        }
    }

    private static ScatterChart Cost(
        SweepView view, IReadOnlyList<SweepTrial> drawn, Axis axis, string heading,
        Func<SweepTrial, double?> cost, Func<double, string> show)
    {
        (SweepTrial Trial, double Cost)[] known =
        [
            .. drawn.Select(trial => (trial, Cost: cost(trial)))
                .Where(pair => pair.Cost is not null)
                .Select(pair => (pair.trial, pair.Cost!.Value)),
        ];
        SweepTrial cheapest = known.MinBy(pair => pair.Cost).Trial;
        string best = cost(view.Ranked[0]) is { } its ? show(its) : "an unknown amount";
        return new ScatterChart(
            heading,
            $"The best trial took {best}; the cheapest one, with "
                + $"{show(cost(cheapest)!.Value)}, came to "
                + $"{SweepView.Show(view.Objective, SweepView.Value(cheapest))}.",
            axis, SweepView.AxisOf(view.Objective),
            [
                new ScatterSeries(
                    "trials",
                    [
                        .. known.Select(pair => new ScatterPoint(
                            Name(pair.Trial), pair.Cost, SweepView.Value(pair.Trial))),
                    ]),
            ])
        {
            NumbersIn = TrialTable.Heading,
        };
    }

    private static ScatterChart Pareto(SweepView view, IReadOnlyList<SweepTrial> drawn)
    {
        SweepObjective first = view.Results.Objectives[0], second = view.Results.Objectives[1];
        ScatterPoint point(SweepTrial trial) =>
            new(Name(trial), SweepView.Value(trial, 1), SweepView.Value(trial, 0));
        SweepTrial[] front =
        [
            .. view.Results.ParetoTrials.Select(index => view.Results.Trials[index])
                .Where(trial => trial.Objectives.Count > 1)
                .OrderBy(trial => SweepView.Value(trial, 1)),
        ];
        string range = front.Length == 0
            ? "No trial has both figures."
            : $"From {SweepView.Show(first, SweepView.Value(front[0]))} at "
                + $"{SweepView.Show(second, SweepView.Value(front[0], 1))} to "
                + $"{SweepView.Show(first, SweepView.Value(front[^1]))} at "
                + $"{SweepView.Show(second, SweepView.Value(front[^1], 1))}: no trial beats these "
                + $"{front.Length} in both.";
        return new ScatterChart(
            Wording.Capital($"{first.Name} against {second.Name}"), range, SweepView.AxisOf(second),
            SweepView.AxisOf(first),
            [
                new ScatterSeries("all trials", [.. drawn.Select(point)]),
                new ScatterSeries("best compromises", [.. front.Select(point)], IsConnected: true),
            ])
        {
            NumbersIn = TrialTable.Heading,
        };
    }

    private static string Name(SweepTrial trial) => $"trial {trial.Number}";
}
