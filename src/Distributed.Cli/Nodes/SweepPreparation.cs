using Distributed.Cli.Commands;
using Distributed.Cli.Output;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Kernel;
using Distributed.Runtime.Sweeps;
using Distributed.Training.Data;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Cli.Nodes;

/// <summary>All that can be checked, and fetched, before a sweep begins.</summary>
internal static class SweepPreparation
{
    /// <exception cref="SpecificationException">With every error in the file.</exception>
    public static (SweepFileContent Content, string Yaml) Read(SweepOptions options)
    {
        string path = options.File!;
        if (options.Text is { } text)
            return (SweepFile.Read(text, path, options.Settings), text);
        string yaml;
        try
        {
            yaml = File.ReadAllText(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new OperatingException(
                $"sweep file {path} cannot be read ({failure.Message}): expected a YAML file, "
                + "such as deploy/sweeps/example.yaml", ExitCodes.BadUsage, failure);
        }

        var rules = new SweepRules(
            (sampler, space) => Samplers.Problem(sampler, space), Schedulers.Problem);
        return (SweepFile.Read(yaml, path, options.Settings, rules), yaml);
    }

    /// <summary>Fetches and checks every dataset that a trial may use.</summary>
    public static IReadOnlyList<DatasetSize> Fetch(
        SweepFileContent content, Action<string> say, CancellationToken cancellation)
    {
        var sizes = new List<DatasetSize>();
        foreach (DatasetSpec dataset in content.Datasets)
        {
            using DatasetPair data = SpecifiedDataset.Fetch(
                dataset, new DatasetLine(say), cancellation);
            sizes.Add(DatasetSizes.Of(dataset, data));
        }

        return sizes;
    }
}
