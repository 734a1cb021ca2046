using System.Globalization;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Runtime.Recording;
using Distributed.Telemetry;

namespace Distributed.Runtime.Sweeps;

/// <summary>What TensorBoard's table of hyper-parameters shows of a sweep.</summary>
internal static class TrialRecords
{
    private static readonly TimeProvider Clock = TimeProvider.System;

    /// <summary>To be called before a trial's first job; again is no harm.</summary>
    public static void Begin(
        SweepDescription sweep, int trial, IReadOnlyList<ParameterValue> parameters)
    {
        var experiment = new HParamsExperiment(
            sweep.Name, "", Clock.GetUtcNow(), [.. sweep.Space.Dimensions.Select(Info)],
            ComparedMetrics.All);
        experiment.Write(sweep.Folder, Clock);
        var values = new SortedDictionary<string, HParamValue>(StringComparer.Ordinal);
        foreach (ParameterValue parameter in parameters)
            values[parameter.Name] = ValueOf(sweep, parameter);
        string group = sweep.ConfigurationOf(trial).ToString(CultureInfo.InvariantCulture);
        HParamsSession.Start(sweep.FolderOf(trial), group, values, Clock);
    }

    /// <summary>To be called when the trial has ended for good.</summary>
    public static void End(SweepDescription sweep, TrialEnded ended)
    {
        string folder = sweep.FolderOf(ended.Trial);
        // Of a trial whose parameters make no network there is none.
        if (!Directory.Exists(folder))
            return;
        HParamsSession.End(
            folder,
            ended.End is TrialEnd.Failed ? HParamsStatus.Failure : HParamsStatus.Success, Clock);
    }

    private static HParamInfo Info(Dimension dimension) => dimension switch
    {
        ChoiceDimension choice => new HParamInfo(
            choice.Name, HParamType.Text,
            new HParamDomain.Discrete(
                [.. choice.Options.Select(option => new HParamValue.Text(option))])),
        IntegerDimension integer => new HParamInfo(
            integer.Name, HParamType.Number,
            new HParamDomain.Interval(integer.Low, integer.High)),
        _ => new HParamInfo(
            dimension.Name, HParamType.Number,
            new HParamDomain.Interval(
                ((RealDimension)dimension).Low, ((RealDimension)dimension).High)),
    };

    private static HParamValue ValueOf(SweepDescription sweep, ParameterValue parameter)
    {
        Dimension dimension = sweep.Space.Dimensions.First(
            known => known.Name == parameter.Name);
        return dimension is ChoiceDimension
            ? new HParamValue.Text(parameter.Text)
            : new HParamValue.Number(
                double.Parse(parameter.Text, CultureInfo.InvariantCulture));
    }
}
