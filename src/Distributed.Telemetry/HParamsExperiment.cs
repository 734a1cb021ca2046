using Distributed.Telemetry.Wire.HParams;

namespace Distributed.Telemetry;

/// <summary>What a metric is measured on.</summary>
public enum HParamsDataset
{
    Unknown,
    Training,
    Validation,
}

/// <summary>A metric that TensorBoard shows beside the hyper-parameters.</summary>
/// <param name="Tag">Of the scalars in each trial's own folder.</param>
/// <param name="DisplayName">Empty where the tag is its name.</param>
/// <param name="Dataset">What it is measured on.</param>
public sealed record HParamsMetric(
    string Tag, string DisplayName = "", HParamsDataset Dataset = HParamsDataset.Unknown);

/// <summary>
/// A set of runs whose hyper-parameters TensorBoard compares: the columns of its table. The rows
/// are sessions, see <see cref="HParamsSession"/>, in folders below the experiment's.
/// </summary>
/// <param name="Name">For people.</param>
/// <param name="Description">Markdown.</param>
/// <param name="Created">When it began.</param>
/// <param name="HParams">In the order of the columns.</param>
/// <param name="Metrics">In the order of the columns.</param>
public sealed record HParamsExperiment(
    string Name, string Description, DateTimeOffset Created, IReadOnlyList<HParamInfo> HParams,
    IReadOnlyList<HParamsMetric> Metrics)
{
    public const string Tag = "_hparams_/experiment";

    /// <summary>
    /// Puts the experiment on record in the folder that TensorBoard is started with, which is made
    /// where there is none. One that is on record there stays as it is: returns false then. To be
    /// called before any session starts, by one thread at a time.
    /// </summary>
    /// <exception cref="Kernel.OperatingException">The folder cannot be written.</exception>
    public bool Write(string folder, TimeProvider clock)
    {
        var experiment = new Experiment
        {
            Name = Name,
            Description = Description,
            TimeCreatedSecs = HParamsFile.Seconds(Created),
        };
        experiment.HparamInfos.AddRange(HParams.Select(info => info.ToWire()));
        experiment.MetricInfos.AddRange(Metrics.Select(metric => new MetricInfo
        {
            Name = new MetricName { Tag = metric.Tag },
            DisplayName = metric.DisplayName,
            DatasetType = (DatasetType)metric.Dataset,
        }));
        return HParamsFile.Write(
            folder, Tag, new HParamsPluginData { Experiment = experiment }, clock);
    }
}
