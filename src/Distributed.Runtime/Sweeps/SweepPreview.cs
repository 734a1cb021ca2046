using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Runtime.Coordination;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>What the estimate of a sweep's cost takes for granted.</summary>
/// <param name="Workers">Trials run on so many.</param>
/// <param name="WorkerFlopsPerSecond">Of one worker, while it trains. The default is within a
/// factor of two of one CPU core with AVX2 or AVX-512; a GPU has a hundred times as much.</param>
/// <param name="TrainingFactor">A training step costs so many forward passes.</param>
/// <param name="TrialsShown">So many of the first configurations are shown.</param>
public sealed record PreviewOptions(
    int Workers, double WorkerFlopsPerSecond = 50e9, double TrainingFactor = 3,
    int TrialsShown = 5);

/// <param name="Epoch">After which trials are judged, or end.</param>
/// <param name="Trials">So many are expected to come to it.</param>
public sealed record PreviewRung(int Epoch, int Trials);

/// <param name="Configuration">From 0.</param>
/// <param name="Parameters">As the sampler suggests them while nothing is known.</param>
/// <param name="Problem">Why it could not be run; null where it could.</param>
public sealed record PreviewConfiguration(
    int Configuration, IReadOnlyList<ParameterValue> Parameters, string? Problem);

/// <summary>What a sweep would run and cost. Nothing is fetched and nothing runs.</summary>
/// <param name="Trials">All seeds counted, and no more than the sampler has.</param>
/// <param name="Rungs">Where trials are judged; the last is the last epoch.</param>
/// <param name="EpochsAtMost">Of all trials together, if none were stopped early.</param>
/// <param name="Epochs">Of all trials together, as expected.</param>
/// <param name="SavedShare">Of the epochs, by stopping trials early.</param>
/// <param name="TrainSamples">Of all epochs together; null where a dataset's size is not
/// known.</param>
/// <param name="WorkerHours">Null where it cannot be estimated.</param>
/// <param name="Hours">With the given workers; null where it cannot be estimated.</param>
/// <param name="Notes">What the figures rest on, and what is not known.</param>
public sealed record SweepPreview(
    string Name, int Trials, int Configurations, int Seeds, IReadOnlyList<PreviewRung> Rungs,
    long EpochsAtMost, long Epochs, double SavedShare, double? TrainSamples, double? WorkerHours,
    double? Hours, int Workers, IReadOnlyList<PreviewConfiguration> First,
    IReadOnlyList<string> Notes)
{
    /// <summary>Costs are a mean over so many configurations.</summary>
    private const int ConfigurationsDrawn = 64;

    /// <param name="sampler">As it would be asked.</param>
    /// <param name="rungs">The scheduler's, the last epoch not among them.</param>
    /// <param name="sizes">Of datasets that are not known by name; those that are may
    /// lack.</param>
    public static SweepPreview Of(
        SweepFileContent content, ISampler sampler, IReadOnlyList<int> rungs,
        IReadOnlyList<DatasetSize> sizes, PreviewOptions options)
    {
        long possible = (long)(sampler.Count ?? int.MaxValue) * content.RunSeeds.Count;
        int trials = (int)Math.Min(content.Limits.Trials, possible);
        int configurations = (trials + content.RunSeeds.Count - 1) / content.RunSeeds.Count;
        SweepDescription description = content.Describe("/", WithKnown(content, sizes), "");
        DrawnConfiguration[] drawn =
        [
            .. Enumerable.Range(0, Math.Min(configurations, ConfigurationsDrawn)).Select(number =>
                DrawnConfiguration.Of(description, number, sampler, options.TrainingFactor)),
        ];
        DrawnConfiguration[] sound = [.. drawn.Where(one => one.Problem is null)];
        double meanEpochs = sound.Length > 0
            ? sound.Average(one => one.Epochs)
            : content.Epochs;
        var atMost = (long)Math.Round(trials * meanEpochs);
        IReadOnlyList<PreviewRung> stages =
            Stages(trials, content.Scheduler, rungs, content.Epochs, out long stagedEpochs);
        long epochs = content.Scheduler is AshaSpec ? stagedEpochs : atMost;
        double share = atMost > 0 ? (double)epochs / atMost : 1;

        bool isCostKnown = sound.Length > 0 && sound.All(one => one.Flops is not null);
        double? workerHours = isCostKnown
            ? trials * share * sound.Average(one => one.Flops!.Value)
                / options.WorkerFlopsPerSecond / 3600
            : null;
        double? longest = isCostKnown
            ? sound.Max(one => one.Flops!.Value) / options.WorkerFlopsPerSecond / 3600
            : null;
        return new SweepPreview(
            content.Name, trials, configurations, content.RunSeeds.Count, stages, atMost, epochs,
            1 - share,
            isCostKnown ? trials * share * sound.Average(one => one.TrainSamples!.Value) : null,
            workerHours, Elapsed(content.Limits, options.Workers, workerHours, longest),
            options.Workers,
            [
                .. drawn.Take(options.TrialsShown).Select(one =>
                    new PreviewConfiguration(one.Number, one.Parameters, one.Problem)),
            ],
            NotesOf(content, options, drawn, isCostKnown));
    }

    /// <summary>For people, a line each.</summary>
    public IReadOnlyList<string> ToLines()
    {
        string seeds = Seeds == 1 ? "" : $", each with {Seeds} seeds";
        var lines = new List<string>
        {
            $"sweep {Name}: {Trials} trials of {Configurations} configurations{seeds}",
        };
        lines.AddRange(Rungs.Select((rung, index) =>
            $"  {rung.Trials} trials {(index == Rungs.Count - 1 ? "to the end," : "come to")} "
            + $"epoch {rung.Epoch}"));
        string saved = SavedShare > 0
            ? $" of {EpochsAtMost}: {SavedShare:P0} saved by stopping early"
            : "";
        lines.Add($"epochs: {Epochs:N0}{saved}");
        if (TrainSamples is { } samples)
            lines.Add($"training samples: {samples:N0}");
        if (WorkerHours is { } workerHours)
            lines.Add($"cost: about {Duration(workerHours)} of one worker");
        if (Hours is { } hours)
            lines.Add($"time: about {Duration(hours)} with {Workers} workers");
        foreach (PreviewConfiguration first in First)
        {
            IEnumerable<string> values = first.Parameters.Select(
                parameter => $"{parameter.Name}={parameter.Text}");
            string problem = first.Problem is null ? "" : $" (cannot be run: {first.Problem})";
            lines.Add(
                $"configuration {first.Configuration}: {string.Join(" ", values)}{problem}");
        }
        lines.AddRange(Notes.Select(note => $"note: {note}"));
        return lines;
    }

    /// <summary>What comes to each rung, if one in a divisor of those before goes on.</summary>
    private static List<PreviewRung> Stages(
        int trials, SchedulerSpec scheduler, IReadOnlyList<int> rungs, int epochsPerTrial,
        out long epochs)
    {
        var stages = new SortedDictionary<int, int>();
        foreach (int epoch in rungs.Append(epochsPerTrial))
            stages[epoch] = 0;
        (int divisor, int brackets) = scheduler is AshaSpec asha
            ? (asha.Divisor, asha.Brackets)
            : (1, 1);
        epochs = 0;
        for (var bracket = 0; bracket < brackets; bracket++)
        {
            int here = (trials / brackets) + (bracket < trials % brackets ? 1 : 0);
            var before = 0;
            foreach (int epoch in rungs.Skip(bracket).Append(epochsPerTrial))
            {
                stages[epoch] += here;
                epochs += (long)here * (epoch - before);
                before = epoch;
                here = here == 0 ? 0 : Math.Max(1, here / divisor);
            }
        }
        return [.. stages.Select(stage => new PreviewRung(stage.Key, stage.Value))];
    }

    private static double? Elapsed(
        SweepLimits limits, int workers, double? workerHours, double? longestTrial)
    {
        int atOnce = workers / limits.WorkersPerTrial;
        if (limits.ConcurrentTrials > 0)
            atOnce = Math.Min(atOnce, limits.ConcurrentTrials);
        if (atOnce < 1 || workerHours is null || longestTrial is null)
            return null;
        return Math.Max(workerHours.Value / atOnce, longestTrial.Value) / limits.WorkersPerTrial;
    }

    private static List<string> NotesOf(
        SweepFileContent content, PreviewOptions options, DrawnConfiguration[] drawn,
        bool isCostKnown)
    {
        var notes = new List<string>();
        if (isCostKnown)
        {
            notes.Add($"cost assumes {options.WorkerFlopsPerSecond / 1e9:0.##} GFLOP/s a "
                + $"worker and {options.TrainingFactor:0.##} forward passes for a training step, "
                + $"over {drawn.Length} drawn configurations");
        }
        else
        {
            notes.Add("the cost is not known: fetch or scan the datasets first");
        }
        notes.AddRange(content.Scheduler switch
        {
            AshaSpec asha => [$"one trial in {asha.Divisor} is taken to go on from a rung; "
                + "it may be more, because nobody waits for the others"],
            MedianSpec => ["how many trials the median rule stops is not known ahead: all are "
                + "counted to the end"],
            _ => Array.Empty<string>(),
        });
        if (options.Workers < content.Limits.WorkersPerTrial)
        {
            notes.Add($"a trial needs {content.Limits.WorkersPerTrial} workers, and there are "
                + $"{options.Workers}: no trial would begin");
        }
        if (content.Limits.Duration is { } duration)
            notes.Add($"no trial is begun after {Duration(duration.TotalHours)}");
        int failing = drawn.Count(one => one.Problem is not null);
        if (failing > 0)
        {
            notes.Add($"{failing} of {drawn.Length} drawn configurations cannot be run, and "
                + "would be failed trials: "
                + drawn.First(one => one.Problem is not null).Problem);
        }
        return notes;
    }

    private static List<DatasetSize> WithKnown(
        SweepFileContent content, IReadOnlyList<DatasetSize> sizes) =>
    [
        .. content.Datasets
            .Select(dataset => DatasetSizes.Find(dataset, sizes) ?? DatasetSizes.Known(dataset))
            .OfType<DatasetSize>(),
    ];

    private static string Duration(double hours) => hours switch
    {
        < 1.0 / 60 => $"{hours * 3600:0.#} s",
        < 1 => $"{hours * 60:0.#} min",
        _ => $"{hours:0.#} h",
    };

    /// <summary>A configuration that the sampler would begin with.</summary>
    private sealed record DrawnConfiguration(
        int Number, IReadOnlyList<ParameterValue> Parameters, int Epochs, double? TrainSamples,
        double? Flops, string? Problem)
    {
        public static DrawnConfiguration Of(
            SweepDescription description, int number, ISampler sampler, double trainingFactor)
        {
            IReadOnlyList<ParameterValue> parameters = sampler.Suggest(number, []).Parameters;
            try
            {
                RunSpec spec = TrialSpecification.Read(
                    description, number * description.RunSeeds.Count, parameters);
                if (DatasetSizes.Find(spec.Dataset, description.Datasets) is null)
                    return new(number, parameters, spec.EpochCount, null, null, null);
                SampleCounts counts = TrialSpecification.Counts(spec, description);
                Network network = TrialSpecification.NetworkOf(spec, description);
                double trained = Math.Min(
                    spec.Epochs * counts.Train,
                    (double)(spec.Steps ?? long.MaxValue) * spec.GlobalBatch);
                double flops = network.FlopsPerImage
                    * ((trainingFactor * trained) + ((double)spec.EpochCount * counts.Test));
                return new(number, parameters, spec.EpochCount, trained, flops, null);
            }
            catch (SpecificationException exception)
            {
                return new(number, parameters, 0, null, null, exception.Message);
            }
        }
    }
}
