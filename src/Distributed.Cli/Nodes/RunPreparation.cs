using System.Globalization;
using System.Reflection;
using Distributed.Cli.Commands;
using Distributed.Cli.Output;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Recording;
using Distributed.Training.Data;
using Distributed.Training.Specification;
using Distributed.Training.Step;

namespace Distributed.Cli.Nodes;

/// <summary>A run that has been checked as a whole and can be submitted.</summary>
internal sealed record PreparedRun(
    RunSpec Spec, string Folder, RunFolderLock Lock, SampleCounts Samples, long StartStep,
    string CheckpointFolder, string Numerics, long StepsRedone)
{
    public JobDescription Describe(int workers) => RunJob.Describe(
        Spec,
        new RunPlace(
            Folder, StartStep, CheckpointFolder, Numerics, StepsRedone, ProgramVersion.Commit),
        Samples, workers);
}

/// <summary>
/// Everything that can be checked before a process is started: the spec as a whole, the data, the
/// run folder, and what is there to resume from.
/// </summary>
internal static class RunPreparation
{
    public static PreparedRun Prepare(
        TrainOptions options, IProgress<DatasetProgress> progress, RunEventPrinter printer,
        CancellationToken cancellation)
    {
        RunRecord? earlier = options.Resume
            ? RunRecord.Load(RunFolders.Find(options.OutputFolder!))
            : null;
        RunSpec spec = WithFullPath(ReadSpec(options, earlier));
        string folder = options.OutputFolder ?? RunFolders.NewFolder(spec.Name);
        if (earlier is null && options.OutputFolder is not null)
            RunFolders.RefuseExisting(folder);
        SampleCounts samples = PrepareData(spec, progress, cancellation);
        RunFolderLock folderLock = RunFolderLock.Take(folder);
        try
        {
            if (earlier is not null)
                return Resume(spec, folder, folderLock, samples, earlier, printer);
            // From here on the folder is a run's, which can be resumed however early it is stopped.
            // The coordinator writes the record again when it knows the numerics.
            new RunRecord(
                spec, ProgramVersion.Commit.Length > 0 ? ProgramVersion.Commit : null,
                Numerics: null).Save(folder);
            return new PreparedRun(spec, folder, folderLock, samples, 0, "", "", 0);
        }
        catch
        {
            folderLock.Dispose();
            throw;
        }
    }

    private static RunSpec ReadSpec(TrainOptions options, RunRecord? earlier)
    {
        IReadOnlyList<string> overrides = options.SpecificationOverrides();
        if (earlier is not null)
        {
            RunSpec resumed = RunSpecReader.Read(
                earlier.Spec.ToYaml(), RunRecord.FileName, overrides, ModelText(options));
            RefuseChange(earlier.Spec, resumed);
            return resumed;
        }

        SpecText? text = ModelText(options);
        return text is not null && IsWholeSpec(text.Yaml)
            ? RunSpecReader.Read(text.Yaml, text.Origin, overrides)
            : RunSpecReader.Read("", "command line", overrides, text);
    }

    /// <summary>Workers may run in another directory than the command.</summary>
    private static RunSpec WithFullPath(RunSpec spec)
    {
        string name = spec.Dataset.Name;
        if (DatasetCatalog.ProblemWithName(name) is { } problem)
            throw new OperatingException(problem, ExitCodes.BadUsage);
        return DatasetCatalog.Names.Contains(name)
            ? spec
            : spec with { Dataset = spec.Dataset with { Name = Path.GetFullPath(name) } };
    }

    private static SpecText? ModelText(TrainOptions options)
    {
        if (options.ModelFile is not { } file)
            return null;
        if (!File.Exists(file))
        {
            throw new OperatingException(
                $"model file {file} does not exist: expected a YAML file with layers, or a "
                + "preset's name", ExitCodes.BadUsage);
        }

        return new SpecText(File.ReadAllText(file), file);
    }

    /// <summary>A file with a model key is a run spec; one without is a model alone.</summary>
    private static bool IsWholeSpec(string yaml) => yaml.Split('\n').Any(
        line => line.StartsWith("model:", StringComparison.Ordinal));

    /// <summary>
    /// A resumed run may be longer or shorter than planned, but must be the same run.
    /// </summary>
    private static void RefuseChange(RunSpec earlier, RunSpec resumed)
    {
        RunSpec same = resumed with { Epochs = earlier.Epochs, Steps = earlier.Steps };
        if (same.ResultHash() == earlier.ResultHash())
            return;
        string[] before = earlier.ToYaml().Split('\n');
        string change = same.ToYaml().Split('\n').Except(before).FirstOrDefault("").Trim();
        throw new OperatingException(
            $"this is not the run that is resumed: it would change to '{change}'; resume without "
            + "that flag, or start a new run with another --out", ExitCodes.BadUsage);
    }

    private static SampleCounts PrepareData(
        RunSpec spec, IProgress<DatasetProgress> progress, CancellationToken cancellation)
    {
        using DatasetPair data = SpecifiedDataset.Fetch(spec.Dataset, progress, cancellation);
        spec.CheckAgainst(new DatasetFacts(data.Shape, data.ClassCount, data.Train.Count));
        return new SampleCounts(data.Train.Count, data.Test.Count);
    }

    private static PreparedRun Resume(
        RunSpec spec, string folder, RunFolderLock folderLock, SampleCounts samples,
        RunRecord earlier, RunEventPrinter printer)
    {
        ResumePoint point = ResumePoint.Find(folder, spec.KeepCheckpoints);
        foreach (string passedOver in point.PassedOver)
        {
            printer.Print(new Notice(
                $"checkpoint passed over: {passedOver}; falling back to the one before"));
        }

        printer.Print(new Notice(point.CheckpointFolder.Length == 0
            ? "the run was stopped before its first checkpoint; starting at its first step"
            : $"resuming after step {point.Step} from {RunFolders.Short(point.CheckpointFolder)}"));
        return new PreparedRun(
            spec, folder, folderLock, samples, point.Step, point.CheckpointFolder,
            earlier.Numerics?.ToText() ?? "", point.StepsToRedo);
    }
}

/// <summary>Which version of the program this is.</summary>
internal static class ProgramVersion
{
    private static readonly string Informational = typeof(ProgramVersion).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    /// <summary>Such as 1.0.0, and the beginning of the commit where it is known.</summary>
    public static string Text
    {
        get
        {
            const int shown = 8;
            string number = Informational.Split('+')[0];
            return Commit.Length > 0
                ? $"{number}+{Commit[..Math.Min(shown, Commit.Length)]}"
                : number;
        }
    }

    /// <summary>The commit that was built; empty where the build did not know it.</summary>
    public static string Commit { get; } =
        Informational.Contains('+', StringComparison.Ordinal)
            ? Informational[(Informational.IndexOf('+', StringComparison.Ordinal) + 1)..]
            : "";
}
