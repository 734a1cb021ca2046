using Distributed.Cli.Exercises;
using Distributed.Cli.Nodes;
using Distributed.Cluster.Sweeps;
using Distributed.Dashboard.Reports;
using Distributed.Dashboard.Reports.Html;
using Distributed.Dashboard.Reports.Sweeps;

namespace Distributed.Cli.Reports;

/// <summary>A sweep's report as files; of an exercise, with what answers its question.</summary>
internal static class SweepReportFiles
{
    public const string PageName = "report.html";

    /// <param name="folder">The sweep's.</param>
    /// <param name="state">What is known of it; it may still run.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="Kernel.OperatingException">The folder is not a sweep's any more.
    /// </exception>
    public static Report Build(string folder, SweepState state, CancellationToken cancellation)
    {
        SweepFolder known = SweepFolder.Load(folder);
        Exercise? exercise = known.Exercise is { } number ? Exercise.Of(number) : null;
        SweepResults results = SweepResultsReader.Read(
            folder, state, known, exercise?.Labels ?? ParameterLabels.None,
            exercise?.Question ?? "", cancellation);
        Report report = SweepReport.Build(results);
        if (exercise is null)
            return report;
        (string answer, string more) = Split(exercise.Headline(state));
        return new Report(
            exercise.Title, answer,
            [
                new Section("Answer", $"{exercise.Question} {answer} {more}".TrimEnd(), []),
                .. exercise.Sections(
                    new ExerciseFindings(folder, state, results), cancellation),
                .. report.Sections,
            ]);
    }

    /// <summary>The first sentence, and those after it.</summary>
    private static (string First, string More) Split(string sentences)
    {
        const string between = ". ";
        int end = sentences.IndexOf(between, StringComparison.Ordinal);
        return end < 0
            ? (sentences, "")
            : (sentences[..(end + 1)], sentences[(end + between.Length)..]);
    }

    /// <summary>Writes a report as a page and as Markdown beside it; returns both paths.</summary>
    public static IReadOnlyList<string> Write(Report report, string page)
    {
        string text = Path.ChangeExtension(page, ".md");
        HtmlReport.Write(report, page);
        MarkdownReport.Write(report, text);
        return [page, text];
    }
}
