using System.Globalization;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Dashboard.Reports;
using Distributed.Dashboard.Reports.Sweeps;
using Distributed.Kernel;

namespace Distributed.Dashboard.Tests;

/// <summary>
/// Sweeps that nobody ran: their figures follow from parameters and trial numbers by formula.
/// </summary>
internal static class SweepSamples
{
    private const int EpochsMax = 8;

    /// <summary>Learning rate, filters, optimizer, and a momentum that only SGD has.</summary>
    public static SweepResults Of(int trials, int objectives = 1, int seeds = 1)
    {
        SweepTrial[] all =
            [.. Enumerable.Range(0, trials).Select(number => Trial(number, objectives, seeds))];
        return new SweepResults
        {
            Name = "learning-rate & filters",
            Question = "Which learning rate, filters and optimizer suit the course network best?",
            Objectives =
            [
                new SweepObjective("test accuracy", IsMaximized: true, IsShare: true),
                .. objectives > 1
                    ? [new SweepObjective("training time (s)", false, false)]
                    : Array.Empty<SweepObjective>(),
            ],
            Trials = all,
            Importance =
            [
                new("optimizer.learningRate", 0.62), new("model.conv[0].filters", 0.23),
                new("optimizer.kind", 0.11), new("optimizer.momentum", 0.04),
            ],
            ParetoTrials = objectives > 1 ? Pareto(all) : [],
            Seconds = all.Sum(trial => trial.Seconds) / 3.4,
            Command = "./distributed sweep sweep.yaml --out runs/sweep",
            Environment =
            [
                new Fact("Commit", "0123456789abcdef"), new Fact("device", "cpu"),
                new Fact("libtorchVersion", "2.6.0"),
            ],
        };
    }

    private static SweepTrial Trial(int number, int objectives, int seeds)
    {
        int configuration = number / seeds;
        double draw(int of) => CounterRandom.UnitDouble(42, (ulong)(configuration * 8 + of));
        double rate = Math.Pow(10, -4.5 + 3.2 * draw(0));
        int filters = 8 * (1 + (int)(8 * draw(1)));
        string kind = draw(2) < 0.5 ? "adam" : "sgd";
        double noise = CounterRandom.UnitDouble(7, (ulong)number) - 0.5;
        double best = 0.925 - 0.06 * Math.Pow(Math.Log10(rate) + 2.8, 2)
            - 0.5 / filters - (kind == "sgd" ? 0.02 : 0) + 0.008 * noise;
        ObservationState state = number % 17 == 11 ? ObservationState.Failed
            : best < 0.82 ? ObservationState.Stopped : ObservationState.Completed;
        int epochs = state switch
        {
            ObservationState.Failed => 1,
            ObservationState.Stopped => 2 + number % 3,
            _ => EpochsMax,
        };
        TrialEpoch[] curve =
            [.. Enumerable.Range(1, epochs).Select(epoch => Epoch(epoch, best, filters))];
        List<ParameterValue> parameters =
        [
            new("optimizer.learningRate", rate.ToString("0.00e+0", CultureInfo.InvariantCulture)),
            new("model.conv[0].filters", $"{filters}"), new("optimizer.kind", kind),
            new("epochs", $"{EpochsMax}"),
        ];
        if (kind == "sgd")
            parameters.Add(new("optimizer.momentum", draw(3) < 0.5 ? "0.9" : "0.99"));
        bool hasFailed = state == ObservationState.Failed;
        double seconds = curve.Sum(epoch => epoch.Seconds);
        return new SweepTrial
        {
            Number = number,
            Configuration = configuration,
            Seed = (ulong)(1 + number % seeds),
            Parameters = parameters,
            State = state,
            Reason = state switch
            {
                ObservationState.Failed => number % 2 == 0
                    ? "the loss at step 317 is NaN: <b>lower the learning rate</b>"
                    : "worker w1 broke three times",
                ObservationState.Stopped => "not among the best quarter after this epoch",
                _ => "",
            },
            Epochs = curve,
            Objectives = hasFailed ? []
                : objectives > 1 ? [curve[^1].TestAccuracy, seconds] : [curve[^1].TestAccuracy],
            ImagesPerSecond = 9000 - 60 * filters,
            ParameterCount = 40_000 + 3_000L * filters,
            FlopsPerImage = 2_000_000 + 150_000L * filters,
            RunFolder = $"runs/sweep/{number:D4}",
            ParametersSha256 = hasFailed ? "" : $"{number:x8}".PadRight(64, 'a'),
        };
    }

    private static TrialEpoch Epoch(int epoch, double best, int filters)
    {
        double accuracy = best - 0.22 * Math.Exp(-0.7 * epoch);
        return new TrialEpoch(
            epoch, 2 * (1 - accuracy), accuracy + 0.004 * epoch, 2.2 * (1 - accuracy), accuracy,
            4 + filters / 16.0);
    }

    private static int[] Pareto(SweepTrial[] trials) =>
    [
        .. Enumerable.Range(0, trials.Length).Where(index => trials[index].Objectives.Count > 1
            && !trials.Any(other => other.Objectives.Count > 1
                && other.Objectives[0] > trials[index].Objectives[0]
                && other.Objectives[1] <= trials[index].Objectives[1])),
    ];
}
