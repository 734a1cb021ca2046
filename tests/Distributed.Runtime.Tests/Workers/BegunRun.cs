using Distributed.Cluster.Jobs;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Tests.Workers;

/// <summary>A job whose folder is a run's, as the commands leave it before they submit.</summary>
internal static class BegunRun
{
    public static JobDescription Of(JobDescription job)
    {
        if (!File.Exists(Path.Combine(job.RunFolder, RunRecord.FileName)))
        {
            RunSpec spec = RunSpecReader.Read(job.Specification, job.RunFolder);
            new RunRecord(spec, Commit: null, Numerics: null).Save(job.RunFolder);
        }

        return job;
    }
}
