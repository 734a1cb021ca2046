using Distributed.Cluster.Sweeps.Search;
using Distributed.Telemetry;

namespace Distributed.Dashboard.Reports.Sweeps;

/// <summary>What a sweep found, in a sentence and in a few figures.</summary>
internal static class SweepResultSection
{
    public static string Headline(SweepView view)
    {
        string trials = Wording.Count(view.Results.Trials.Count, "trial");
        if (view.Ranked.Count == 0)
            return $"None of {trials} gave a result yet.";
        SweepTrial best = view.Ranked[0];
        SweepObjective objective = view.Objective;
        string value = SweepView.Show(objective, SweepView.Value(best));
        string what = view.Describe(best) is { Length: > 0 } text ? text : $"trial {best.Number}";
        if (view.Results.Objectives.Count > 1 && view.Results.ParetoTrials.Count > 0)
        {
            return $"{view.Results.ParetoTrials.Count} of {trials} are the best compromises "
                + $"between {view.Objective.Name} and {view.Results.Objectives[1].Name}; the best "
                + $"{objective.Name}, {value}, has {what}.";
        }
        if (SweepSeeds.Of(view) is [var first, ..])
        {
            string off = ReportNumbers.Show(first.Deviation, objective.IsShare);
            return $"Best of {Wording.Count(SweepSeeds.Of(view).Count, "configuration")}: "
                + $"{view.Describe(first.Trials[0])} with {objective.Name} "
                + $"{SweepView.Show(objective, first.Mean)} ± {off}, the mean and standard "
                + $"deviation of {first.Trials.Count} seeds.";
        }
        return $"Best of {trials}: {what} with {objective.Name} {value}.";
    }

    public static Section Of(SweepView view)
    {
        List<KeyFigure> figures = [];
        if (view.Ranked.Count > 0)
        {
            figures.Add(new(
                $"Best {view.Objective.Name}",
                SweepView.Show(view.Objective, SweepView.Value(view.Ranked[0])),
                $"trial {view.Ranked[0].Number}"));
            double[] values = [.. view.Ranked.Select(trial => SweepView.Value(trial)).Order()];
            figures.Add(new(
                $"Median {view.Objective.Name}",
                SweepView.Show(view.Objective, values[values.Length / 2]),
                $"of {Wording.Count(values.Length, "trial")}"));
        }
        (ObservationState State, string Name, string Note)[] states =
        [
            (ObservationState.Completed, "Completed", "ran to their end"),
            (ObservationState.Stopped, "Stopped", "others did better"),
            (ObservationState.Failed, "Failed", "reasons are below"),
            (ObservationState.Pending, "Running", "not counted here"),
        ];
        foreach ((ObservationState state, string name, string note) in states)
        {
            int count = view.Results.Trials.Count(trial => trial.State == state);
            if (count > 0)
                figures.Add(new(name, Figures.Whole(count), note));
        }
        double seconds = view.Results.Seconds ?? view.Results.Trials.Sum(trial => trial.Seconds);
        figures.Add(new(
            "Time", Figures.Duration(seconds),
            view.Results.Seconds is null ? "of all trials together" : "from start to end"));
        List<Block> blocks = [new KeyFigures(figures)];
        if (view.Ranked.Count > 0)
            blocks.AddRange(Best(view.Ranked[0]));
        return new Section("Result", view.Results.Question, blocks);
    }

    private static IEnumerable<Block> Best(SweepTrial best)
    {
        yield return new FactList(
        [
            new("Best trial", $"{best.Number}"),
            .. best.Parameters.Select(value => new Fact(value.Name, value.Text)),
            new("Seed", $"{best.Seed}"),
            .. best.ParametersSha256.Length > 0
                ? new Fact[] { new("SHA-256 of parameters", best.ParametersSha256) } : [],
        ]);
        if (best.RunFolder.Length > 0)
        {
            yield return new CodeBlock(
                "The command that trains it again",
                Shell.TrainAgain(best.RunFolder, workers: null));
        }
    }
}
