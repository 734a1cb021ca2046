using System.Globalization;
using Distributed.Cli.Reports;
using Distributed.Cluster.Sweeps;
using Distributed.Dashboard.Reports;
using Distributed.Dashboard.Reports.Runs;
using Distributed.Dashboard.Reports.Sweeps;
using Distributed.Training.Specification;

namespace Distributed.Cli.Exercises;

/// <summary>Exercise 3: which dataset is the most challenging for the course's network?</summary>
internal sealed class DatasetExercise : Exercise
{
    private const string NameKey = "dataset.name";
    private const string SizeKey = "dataset.trainLimit";

    /// <summary>So many training images the smallest dataset has: 80 of each of 10 classes.
    /// </summary>
    private const int EqualSize = 800;

    public override int Number => 3;

    public override string Title => "Exercise 3: which dataset is the most challenging?";

    public override string Question =>
        "Which of the datasets is the most challenging for the course's network?";

    public override ParameterLabels Labels { get; } = new(
        new ParameterLabel(NameKey, "dataset", new Dictionary<string, string>()),
        new ParameterLabel(SizeKey, "training images", new Dictionary<string, string>()));

    protected override string FileName => "3-datasets";

    public override string Headline(SweepState state)
    {
        // From hard to easy.
        Measured[] equal = [.. Of(state).Where(found => found.IsEqualSize)
            .OrderBy(found => found.Configuration.Accuracy)];
        string missing = Phrases.Missing(state);
        if (equal.Length < 2)
            return $"Which dataset is the most challenging is not known yet.{missing}";
        Measured hardest = equal[0], next = equal[1];
        string accuracies = $"with {EqualSize} training images each, test accuracy is "
            + Phrases.List(
            [
                .. equal.Select(found =>
                    $"{Phrases.Brief(found.Configuration)} for {found.Dataset}"),
            ]);
        string answer = next.Configuration.IsClearlyAbove(hardest.Configuration)
            ? $"{hardest.Dataset} is the most challenging dataset for the network, and "
                + $"{Easiest(equal)}: {accuracies}."
            : $"Not clearly one dataset is the most challenging, as {hardest.Dataset} and "
                + $"{next.Dataset} do not differ by more than their seeds do, and "
                + $"{Easiest(equal)}: {accuracies}.";
        return answer + Larger(state) + missing;
    }

    public override IEnumerable<Section> Sections(
        ExerciseFindings findings, CancellationToken cancellation)
    {
        IReadOnlyList<Measured> found = Of(findings.State);
        if (found.Count == 0)
            yield break;
        yield return Accuracies(found);
        if (Curves(findings, found) is { } curves)
            yield return curves;
        yield return Confusions(findings, found, cancellation);
    }

    private static string Easiest(Measured[] equal)
    {
        Measured easiest = equal[^1];
        return easiest.Configuration.IsClearlyAbove(equal[^2].Configuration)
            ? $"{easiest.Dataset} is the easiest"
            : $"{easiest.Dataset} is not clearly easier than {equal[^2].Dataset}";
    }

    /// <summary>What comes of more images, which one of the datasets does not have.</summary>
    private static string Larger(SweepState state)
    {
        Measured[] larger = [.. Of(state).Where(found => found.IsLargest)
            .OrderBy(found => found.Configuration.Accuracy)];
        if (larger.Length < 2 || larger.All(found => found.IsEqualSize))
            return "";
        IEnumerable<string> each = larger.Select(found =>
            $"{Figures.Percent(found.Configuration.Accuracy)} for {found.Dataset} "
            + $"({Figures.Whole(found.TrainSamples)} images)");
        return " With as many training images as each got at most, it is "
            + $"{Phrases.List([.. each])}.";
    }

    private static IReadOnlyList<Measured> Of(SweepState state)
    {
        Measured[] all =
        [
            .. Configuration.Completed(state).Select(configuration =>
            {
                string dataset = configuration.Text(NameKey) ?? "";
                int available = state.Description.Datasets
                    .FirstOrDefault(size => size.Key == dataset)?.TrainSamples ?? EqualSize;
                int samples = configuration.Text(SizeKey) is { } limit
                    ? Math.Min(int.Parse(limit, CultureInfo.InvariantCulture), available)
                    : Math.Min(EqualSize, available);
                return new Measured(dataset, samples, false, configuration);
            }),
        ];
        return
        [
            .. all.Select(found => found with
            {
                IsLargest = all.All(other =>
                    other.Dataset != found.Dataset || other.TrainSamples <= found.TrainSamples),
            }),
        ];
    }

    private static Section Accuracies(IReadOnlyList<Measured> found)
    {
        BarChart Chart(string heading, string caption, IEnumerable<Measured> bars) => new(
            heading, caption, "dataset",
            new Axis("test accuracy") { IsShare = true, FromZero = true },
            [.. bars.Select(bar => Phrases.Bar(bar.Dataset, bar.Configuration))]);
        Measured[] ordered =
        [
            .. found.OrderBy(one => one.TrainSamples).ThenBy(one => one.Configuration.Accuracy),
        ];
        return new Section(
            "Accuracy by dataset",
            $"The datasets differ in size: doodle has {EqualSize} training images, 80 of each of "
                + "its 10 classes, the others 50,000 or 60,000. So the fair comparison is between "
                + "equal numbers of images; the other shows what more images are worth. Lines "
                + "are 95 % intervals of the mean over the seeds, by Student's t. With ten "
                + "classes, guessing is right in 10 % of the cases.",
            [
                new SideBySide(
                [
                    Chart(
                        $"After {EqualSize} training images each",
                        "The lower the bar, the more challenging the dataset.",
                        ordered.Where(one => one.IsEqualSize)),
                    Chart(
                        "With as many training images as it got at most",
                        "More images help each dataset; doodle has no more.",
                        ordered.Where(one => one.IsLargest)
                            .OrderBy(one => one.Configuration.Accuracy)),
                ]),
                new Table(
                    "Each dataset and number of training images",
                    [
                        "dataset", "training images", "seeds", "test accuracy", "95 % interval",
                        "images/s", "FLOPs an image",
                    ],
                    [
                        .. ordered.Select(one => (Cell[])
                        [
                            one.Dataset, Cell.Whole(one.TrainSamples),
                            Cell.Whole(one.Configuration.Trials.Count),
                            Cell.Of(one.Configuration.Accuracy, Figures.Percent),
                            Phrases.Interval(one.Configuration),
                            Cell.Of(
                                one.Configuration.ImagesPerSecond, ReportNumbers.Significant),
                            Cell.Whole(one.Configuration.Flops),
                        ]),
                    ]),
            ]);
    }

    private static Section? Curves(ExerciseFindings findings, IReadOnlyList<Measured> found)
    {
        LineChart Chart(string heading, IEnumerable<Measured> lines) => new(
            heading, "Lines are means over the seeds, bands their range.",
            new Axis("epoch") { IsWhole = true }, new Axis("test accuracy") { IsShare = true },
            [.. lines.Select(line => Curve(findings, line))]);
        return new Section(
            "Learning curves by dataset", "",
            [
                new SideBySide(
                [
                    Chart(
                        $"{EqualSize} training images each",
                        found.Where(one => one.IsEqualSize)),
                    Chart("As many as it got at most", found.Where(one => one.IsLargest)),
                ]),
            ]);
    }

    private static LineSeries Curve(ExerciseFindings findings, Measured line)
    {
        (int Epoch, double[] Values)[] epochs =
        [
            .. line.Configuration.Trials
                .SelectMany(trial => findings.Results.Trials[trial.Number].Epochs)
                .GroupBy(epoch => epoch.Epoch).OrderBy(group => group.Key)
                .Select(group => (
                    group.Key, (double[])[.. group.Select(epoch => epoch.TestAccuracy)])),
        ];
        return new LineSeries(
            line.Dataset,
            [.. epochs.Select(at => new ChartPoint(at.Epoch, at.Values.Average()))])
        {
            Band =
            [
                .. epochs.Select(
                    at => new BandPoint(at.Epoch, at.Values.Min(), at.Values.Max())),
            ],
        };
    }

    /// <summary>Of each dataset's first seed with the most training images.</summary>
    private static Section Confusions(
        ExerciseFindings findings, IReadOnlyList<Measured> found, CancellationToken cancellation)
    {
        var blocks = new List<Block>();
        foreach (Measured one in found.Where(one => one.IsLargest))
        {
            string folder = SweepResultsReader.TrialFolder(
                findings.Folder, one.Configuration.Trials[0].Number);
            blocks.Add(Confusion(one, folder, cancellation));
        }
        return new Section(
            "What is taken for what",
            "One trained network of each dataset, the first seed with the most training images.",
            blocks);
    }

    private static Block Confusion(Measured one, string folder, CancellationToken cancellation)
    {
        string missing = $"{one.Dataset}: {folder} holds no network any more.";
        if (!File.Exists(Path.Combine(folder, RunRecord.FileName)))
            return new Paragraph(missing);
        Report report = RunReport.Build(folder, cancellation);
        return report.Sections.SelectMany(section => section.Blocks).OfType<HeatMap>()
            .FirstOrDefault() is { } matrix
                ? matrix with { Heading = $"{matrix.Heading} of {one.Dataset}" }
                : new Paragraph(missing);
    }

    /// <summary>A dataset with a number of training images.</summary>
    /// <param name="IsLargest">No configuration of the dataset has more.</param>
    private sealed record Measured(
        string Dataset, int TrainSamples, bool IsLargest, Configuration Configuration)
    {
        public bool IsEqualSize => TrainSamples == EqualSize;
    }
}
