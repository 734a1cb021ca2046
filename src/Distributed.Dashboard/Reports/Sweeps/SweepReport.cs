namespace Distributed.Dashboard.Reports.Sweeps;

/// <summary>The report of a sweep over many training runs.</summary>
public static class SweepReport
{
    /// <summary>Depends on the results alone; takes a moment with thousands of trials.</summary>
    public static Report Build(SweepResults results)
    {
        var view = new SweepView(results);
        List<Section> sections = [SweepResultSection.Of(view)];
        if (view.Ranked.Count > 0)
            sections.AddRange(SweepParameterSections.Of(view));
        if (SweepCurves.Of(view) is { } curves)
            sections.Add(curves);
        sections.Add(TrialTable.Of(view));
        if (SweepFailures.Of(view) is { } failures)
            sections.Add(failures);
        sections.Add(SweepTiming.Of(view));
        sections.Add(new Section(
            "Origin", "",
            [
                new CodeBlock("The command that runs the sweep again", results.Command),
                new FactList(results.Environment),
            ]));
        return new Report(
            $"Sweep {results.Name}", SweepResultSection.Headline(view), sections);
    }
}
