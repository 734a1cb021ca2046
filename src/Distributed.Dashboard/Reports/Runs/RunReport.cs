using Distributed.Kernel;
using Distributed.Training.Specification;

namespace Distributed.Dashboard.Reports.Runs;

/// <summary>The report of one training run.</summary>
public static class RunReport
{
    /// <summary>
    /// Reads a run folder, and classifies the test images with the newest checkpoint where the
    /// dataset is on this machine; takes its time then. What is missing is left out and named.
    /// </summary>
    /// <exception cref="OperatingException">The folder holds no run that can be read.</exception>
    public static Report Build(string folder, CancellationToken cancellation)
    {
        RunRecord record = RunRecord.Load(folder);
        RunLog log = RunLog.Read(folder);
        TestFindings? test = TestFindings.Gather(folder, out string reason, cancellation);
        var result = new RunResult(record, log, test);
        List<Section> sections =
        [
            result.Section(), .. LearningSections.Of(log),
            test is null
                ? new Section(
                    "Mistakes",
                    $"Left out, because the test images could not be classified: {reason}.", [])
                : MistakeSections.Of(test),
        ];
        if (FirstFilters.Of(folder, record.Spec) is { } filters)
        {
            sections.Add(new Section(
                "First layer", "What the network looks for in the images themselves.", [filters]));
        }
        if (log.Times.Count > 0)
            sections.Add(WorkerSections.Of(log));
        sections.Add(OriginSection(folder, record, log));
        string name = Path.GetFileName(Path.GetFullPath(folder).TrimEnd('/'));
        return new Report($"Run {name}", result.Headline(), sections);
    }

    private static Section OriginSection(string folder, RunRecord record, RunLog log)
    {
        string command = Shell.TrainAgain(folder, Math.Max(log.Ranks.Count, 1));
        List<Fact> facts = [new("Commit", record.Commit ?? "unknown")];
        if (log.Done is { } done)
            facts.Add(new Fact("SHA-256 of parameters", done.ParametersSha256));
        if (record.Numerics is { } numerics)
            facts.AddRange(numerics.Fields().Select(field => new Fact(field.Key, field.Value)));
        string text = "The same spec gives the same parameters, to the bit, on any number of "
            + "workers, where nothing below differs.";
        return new Section(
            "Origin", text,
            [
                new CodeBlock("The command that repeats the run", command),
                new FactList(facts),
                new CodeBlock("The run's spec", record.Spec.ToYaml()),
            ]);
    }
}
