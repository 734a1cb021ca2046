using System.Globalization;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Runtime.Coordination;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>
/// What a trial of a sweep trains: a pure function of the sweep's description, the trial's number
/// and its parameters, in any process.
/// </summary>
public static class TrialSpecification
{
    /// <summary>The trial's run spec, checked against its dataset.</summary>
    /// <exception cref="SpecificationException">
    /// These parameters make no network, or nothing that can be trained.
    /// </exception>
    public static RunSpec Read(
        SweepDescription description, int trial, IReadOnlyList<ParameterValue> parameters)
    {
        var errors = new SpecErrors();
        string where = $"trial {trial}";
        SpecNode? Parse(string yaml) => SpecYaml.Parse(yaml, (_, _) => where, errors);
        SpecNode? ValueOf(string name) =>
            parameters.FirstOrDefault(parameter => parameter.Name == name) is { } parameter
                ? Parse(parameter.Text)
                : null;

        SpecNode? root = Parse(description.RunSpecification);
        var changes = new List<SpecOverride>();
        foreach (Binding binding in description.Bindings)
        {
            if (Parse(binding.Template) is { } template
                && Template.Fill(template, ValueOf) is { } value
                && SpecOverride.Of(binding.Key, value, where, errors) is { } change)
            {
                changes.Add(change);
            }
        }
        errors.ThrowIfAny();
        root!.Set("name", SpecNode.Scalar(where, NameOf(description, trial), false), where);
        root.Set("seed", SpecNode.Scalar(
            where, SpecWords.Of(description.RunSeedOf(trial))), where);
        return RunSpecReader.Read(
            root, changes, dataset => DatasetSizes.FactsOf(dataset, description.Datasets));
    }

    /// <summary>What a trial's run is called, such as course-lr-0017.</summary>
    public static string NameOf(SweepDescription description, int trial) =>
        $"{description.Name}-{trial.ToString("0000", CultureInfo.InvariantCulture)}";

    /// <summary>The samples that a trial trains on and is tested with, after its limits.</summary>
    /// <exception cref="SpecificationException">
    /// The description lacks the trial's dataset.
    /// </exception>
    public static SampleCounts Counts(RunSpec spec, SweepDescription description)
    {
        DatasetSize size = Known(spec, description);
        return DatasetSizes.Limited(spec.Dataset, size);
    }

    /// <summary>The network that a trial trains.</summary>
    /// <exception cref="SpecificationException">
    /// It does not fit the dataset, or the description lacks that.
    /// </exception>
    public static Network NetworkOf(RunSpec spec, SweepDescription description) =>
        spec.CheckAgainst(DatasetSizes.Facts(Known(spec, description)));

    private static DatasetSize Known(RunSpec spec, SweepDescription description) =>
        DatasetSizes.Find(spec.Dataset, description.Datasets)
            ?? throw new SpecificationException(
            [
                $"{spec.Name} dataset: {DatasetSizes.KeyOf(spec.Dataset)} is none of the sweep's ("
                    + string.Join(", ", description.Datasets.Select(size => size.Key))
                    + "); expected one of them: submit the sweep again",
            ]);
}
