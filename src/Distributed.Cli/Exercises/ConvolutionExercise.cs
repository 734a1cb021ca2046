using Distributed.Cli.Reports;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Analysis;
using Distributed.Dashboard.Reports;

namespace Distributed.Cli.Exercises;

/// <summary>
/// Exercise 2: change the parameters of the convolutional layers and document the performance.
/// </summary>
internal sealed class ConvolutionExercise : Exercise
{
    /// <summary>Parameters whose shares differ by less matter about equally.</summary>
    private const double ShareTie = 0.05;

    /// <summary>A trade-off may lose so much accuracy: one point.</summary>
    private const double AccuracyToLose = 0.01;

    private static readonly Dictionary<string, string> Same = [];

    public override int Number => 2;

    public override string Title => "Exercise 2: the parameters of the convolutional layers";

    public override string Question =>
        "Which parameters of the convolutional layers matter, and which setting is best?";

    public override ParameterLabels Labels { get; } = new(
        new ParameterLabel("model.conv[0].filters", "number of filters", Same),
        new ParameterLabel("model.conv[0].kernel", "kernel size", Same),
        new ParameterLabel("model.conv[0].stride", "stride", Same),
        new ParameterLabel(
            "model.layers[1]", "pooling",
            new Dictionary<string, string>
            {
                ["{maxPool: 2}"] = "maximum of 2×2",
                ["{avgPool: 2}"] = "average of 2×2",
                ["{maxPool: 3}"] = "maximum of 3×3",
            }),
        new ParameterLabel("model.layers[2]", "activation", Same));

    protected override string FileName => "2-convolution";

    public override string Headline(SweepState state)
    {
        IReadOnlyList<Configuration> found = Configuration.Completed(state);
        if (found.Count == 0)
            return $"No setting has a result yet.{Phrases.Missing(state)}";
        Configuration best = Best(found);
        Configuration cheap = TradeOff(found);
        string tradeOff = cheap == best
            ? "It is also the best trade-off: no cheaper setting comes within a point of it."
            : $"The best trade-off is {Labels.Describe(cheap.Parameters)}: "
                + $"{Figures.Percent(cheap.Accuracy)} with "
                + $"{Figures.Percent((double)cheap.Flops / best.Flops)} of its FLOPs.";
        return $"{WhatMatters(state)} The best setting of {found.Count}, "
            + $"{Labels.Describe(best.Parameters)}, reaches {Phrases.Accuracy(best)}. {tradeOff}"
            + Phrases.Missing(state);
    }

    public override IEnumerable<Section> Sections(
        ExerciseFindings findings, CancellationToken cancellation)
    {
        IReadOnlyList<Configuration> found = Configuration.Completed(findings.State);
        if (Effects(findings.State) is { } effects)
            yield return EffectSection(effects, found);
        if (found.Count > 0)
            yield return FrontSection(found);
    }

    private static Configuration Best(IReadOnlyList<Configuration> found) =>
        found.MaxBy(configuration => configuration.Accuracy)!;

    /// <summary>The cheapest setting that loses at most a point of accuracy.</summary>
    private static Configuration TradeOff(IReadOnlyList<Configuration> found)
    {
        double least = Best(found).Accuracy - AccuracyToLose;
        return found.Where(configuration => configuration.Accuracy >= least)
            .OrderBy(configuration => configuration.Flops)
            .ThenByDescending(configuration => configuration.Accuracy).First();
    }

    private static IReadOnlyList<DimensionEffects>? Effects(SweepState state) => MainEffects.Of(
        [
            .. Configuration.Completed(state).SelectMany(found => found.Trials)
                .Select(trial => new ParameterSample(
                    trial.Parameters, trial.Results[^1].TestAccuracy)),
        ]);

    private string WhatMatters(SweepState state)
    {
        Importances? importances = ParameterImportance.Of(
            state.Description.Space, SweepResultsReader.Samples(state), state.Description.Seed);
        if (importances is null || Effects(state) is not { } effects)
            return "Which parameter matters most is not clear: there are too few results.";
        DimensionImportance[] ordered =
            [.. importances.Dimensions.OrderByDescending(dimension => dimension.Share)];
        string First(int rank) => Labels.NameOf(ordered[rank].Name);
        string share = Figures.Percent(ordered[0].Share);
        DimensionEffects effect = effects.First(known => known.Name == ordered[0].Name);
        if (!effect.IsClear)
        {
            return "Nothing that was varied clearly matters most: the largest share of the "
                + $"differences in test accuracy, {share}, is due to the {First(0)}, and that may "
                + "be chance.";
        }
        if (ordered.Length > 1 && ordered[0].Share - ordered[1].Share < ShareTie)
        {
            return $"It is not clearly one parameter that matters most: the {First(0)} explains "
                + $"{share} of the differences in test accuracy, the {First(1)} "
                + $"{Figures.Percent(ordered[1].Share)}.";
        }
        LevelEffect high = effect.Levels.MaxBy(level => level.Mean.Estimate)!;
        LevelEffect low = effect.Levels.MinBy(level => level.Mean.Estimate)!;
        return $"The {First(0)} matters most: it explains {share} of the differences in test "
            + $"accuracy, from {Figures.Percent(low.Mean.Estimate)} with {Show(effect, low)} to "
            + $"{Figures.Percent(high.Mean.Estimate)} with {Show(effect, high)}.";
    }

    private string Show(DimensionEffects effect, LevelEffect level) =>
        Labels.TextOf(new(effect.Name, level.Text));

    private Section EffectSection(
        IReadOnlyList<DimensionEffects> effects, IReadOnlyList<Configuration> found)
    {
        (DimensionEffects Effect, LevelEffect Level)[] levels =
        [
            .. from effect in effects
               from level in effect.Levels.OrderBy(level => Show(effect, level).PadLeft(20))
               select (effect, level),
        ];
        string[] clear = [.. effects.Where(effect => effect.IsClear).Select(
            effect => Labels.NameOf(effect.Name))];
        string caption = clear.Length == 0
            ? "No parameter's levels differ clearly."
            : $"Levels differ clearly for: {Phrases.List(clear)}.";
        string Name(DimensionEffects effect, LevelEffect level) =>
            $"{Labels.NameOf(effect.Name)} {Show(effect, level)}";
        return new Section(
            "Effect of each level",
            "Test accuracy with each level, the other parameters at their mean, by least squares; "
                + "the lines are 95 % intervals. What parameters do only together widens them.",
            [
                new BarChart(
                    "Test accuracy by level", caption, "level",
                    new Axis("test accuracy") { IsShare = true },
                    [
                        .. levels.Select(pair => new Bar(
                            Name(pair.Effect, pair.Level), pair.Level.Mean.Estimate,
                            pair.Level.Mean.Low, pair.Level.Mean.High)),
                    ]),
                new Table(
                    "Each level: accuracy all else being equal, the rest as means over the "
                        + "settings that have it",
                    [
                        "level", "settings", "test accuracy", "95 % interval", "images/s",
                        "parameters", "FLOPs an image",
                    ],
                    [
                        .. levels.Select(pair => LevelRow(
                            Name(pair.Effect, pair.Level), pair.Level,
                            [
                                .. found.Where(configuration =>
                                    configuration.Text(pair.Effect.Name) == pair.Level.Text),
                            ])),
                    ]),
            ]);
    }

    private static Cell[] LevelRow(
        string name, LevelEffect level, IReadOnlyList<Configuration> found) =>
    [
        name, Cell.Whole(found.Count), Cell.Of(level.Mean.Estimate, Figures.Percent),
        new Cell(Phrases.Range(level.Mean), level.Mean.Low),
        Cell.Of(found.Average(one => one.ImagesPerSecond), ReportNumbers.Significant),
        Cell.Of(found.Average(one => one.ParameterCount), ReportNumbers.Significant),
        Cell.Of(found.Average(one => one.Flops), ReportNumbers.Significant),
    ];

    private Section FrontSection(IReadOnlyList<Configuration> found)
    {
        IReadOnlyList<int> front = ParetoFront.Indices(
            [.. found.Select(one => (double[])[-one.Accuracy, one.Flops])]);
        Configuration best = Best(found);
        Configuration cheap = TradeOff(found);
        return new Section(
            "Best settings",
            "No other setting is both more accurate and cheaper than one of these. The best "
                + "trade-off is the cheapest that loses at most a point of accuracy.",
            [
                new Table(
                    "Settings on the front of accuracy and FLOPs, from cheap to dear",
                    [
                        "setting", "test accuracy", "FLOPs an image", "parameters", "images/s",
                        "remark",
                    ],
                    [
                        .. front.Select(index => found[index]).OrderBy(one => one.Flops)
                            .Select(one => (Cell[])
                            [
                                Labels.Describe(one.Parameters),
                                Cell.Of(one.Accuracy, Figures.Percent), Cell.Whole(one.Flops),
                                Cell.Whole(one.ParameterCount),
                                Cell.Of(one.ImagesPerSecond, ReportNumbers.Significant),
                                one == best ? "most accurate"
                                    : one == cheap ? "best trade-off" : Cell.None,
                            ]),
                    ]),
            ]);
    }
}
