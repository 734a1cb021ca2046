using System.Data.Common;
using Distributed.Cluster.Coordination;
using Distributed.Cluster.Jobs;
using Distributed.Kernel;

namespace Distributed.Runtime.Store;

/// <summary>
/// Jobs, their generations, checkpoints and returns to them. What is loaded is what
/// <see cref="StoredJob.With"/> makes of the same decisions; all generations and checkpoints stay
/// on record.
/// </summary>
internal sealed class JobTables(StoreConnection database)
{
    private static readonly TimeSpan EndedJobsAreKept = TimeSpan.FromHours(1);

    /// <summary>All that have not ended, and those that ended lately, oldest submission
    /// first.</summary>
    public IReadOnlyList<StoredJob> Load(DateTimeOffset now) => Query(
        "jobs.ended_at_unix_ms IS NULL OR jobs.ended_at_unix_ms >= @since",
        ("@since", (now - EndedJobsAreKept).ToUnixTimeMilliseconds()));

    /// <summary>The job, however long ago it ended; null where there is none.</summary>
    public StoredJob? Find(ulong job) =>
        Query("jobs.job = @job", ("@job", StoreJson.Hex(job))).SingleOrDefault();

    private List<StoredJob> Query(
        string condition, params (string Name, object? Value)[] parameters) => database.Query(
        $"""
        SELECT jobs.job, jobs.description, jobs.stop_reason, jobs.outcome,
            generations.content, generations.numerics, generations.steps_redone,
            checkpoints.step, checkpoints.path,
            returns.generation, returns.steps_redone,
            (SELECT COUNT(*) FROM returns every WHERE every.job = jobs.job),
            jobs.pause_reason, jobs.workers
        FROM jobs
        LEFT JOIN generations ON generations.job = jobs.job AND generations.number =
            (SELECT MAX(newest.number) FROM generations newest WHERE newest.job = jobs.job)
        LEFT JOIN checkpoints ON checkpoints.job = jobs.job AND checkpoints.step =
            (SELECT MAX(newest.step) FROM checkpoints newest WHERE newest.job = jobs.job)
        LEFT JOIN returns ON returns.job = jobs.job AND returns.generation =
            (SELECT MAX(newest.generation) FROM returns newest WHERE newest.job = jobs.job)
        WHERE {condition}
        ORDER BY jobs.submission_order
        """,
        Read, parameters);

    /// <summary>To be called within a transaction that has found the term to be current.</summary>
    public void Append(long term, JobDecision decision, DateTimeOffset now)
    {
        string job = StoreJson.Hex(decision.Job);
        if (decision is not JobSubmitted)
            CheckKnown(job);
        switch (decision)
        {
            case JobSubmitted submitted:
                Submit(job, submitted);
                break;
            case GenerationDecided decided:
                Decide(term, job, decided);
                break;
            case CheckpointRecorded saved:
                database.Execute(
                    """
                    INSERT INTO checkpoints (job, step, path) VALUES (@job, @step, @path)
                    ON CONFLICT (job, step) DO NOTHING
                    """,
                    ("@job", job), ("@step", saved.Step), ("@path", saved.Path));
                break;
            case ReturnedToCheckpoint returned:
                Return(job, returned);
                break;
            case StopRequested stop:
                database.Execute(
                    "UPDATE jobs SET stop_reason = @reason WHERE job = @job",
                    ("@job", job), ("@reason", stop.Reason));
                break;
            case JobPaused paused:
                SetPause(job, paused.Reason);
                break;
            case JobResumed:
                SetPause(job, reason: null);
                break;
            case JobScaled scaled:
                database.Execute(
                    "UPDATE jobs SET workers = @workers WHERE job = @job",
                    ("@job", job), ("@workers", scaled.Workers));
                break;
            case JobConcluded concluded:
                database.Execute(
                    """
                    UPDATE jobs SET outcome = @outcome,
                        ended_at_unix_ms = COALESCE(ended_at_unix_ms, @now)
                    WHERE job = @job
                    """,
                    ("@job", job), ("@outcome", StoreJson.Write(concluded.Outcome)),
                    ("@now", now.ToUnixTimeMilliseconds()));
                break;
            default:
                throw new InvariantException($"no table holds a {decision.GetType().Name}");
        }
    }

    private void SetPause(string job, string? reason) => database.Execute(
        "UPDATE jobs SET pause_reason = @reason WHERE job = @job",
        ("@job", job), ("@reason", reason));

    private void CheckKnown(string job)
    {
        List<int> found = database.Query(
            "SELECT 1 FROM jobs WHERE job = @job", row => row.GetInt32(0), ("@job", job));
        if (found.Count == 0)
        {
            throw new OperatingException(
                $"the cluster store has no job {job}: expected the store in which the job was "
                + "submitted; bring that back, or submit the job again");
        }
    }

    private void Submit(string job, JobSubmitted submitted) => database.Execute(
        """
        INSERT INTO jobs (job, submission_order, description)
        SELECT @job, COALESCE(MAX(submission_order), 0) + 1, @description FROM jobs WHERE 1 = 1
        ON CONFLICT (job) DO NOTHING
        """,
        ("@job", job), ("@description", StoreJson.Write(submitted.Description)));

    private void Decide(long term, string job, GenerationDecided decided) => database.Execute(
        """
        INSERT INTO generations (job, number, term, content, reason, numerics, steps_redone)
        VALUES (@job, @number, @term, @content, @reason, @numerics, @redone)
        ON CONFLICT (job, number) DO UPDATE SET term = excluded.term,
            content = excluded.content, reason = excluded.reason, numerics = excluded.numerics,
            steps_redone = excluded.steps_redone
        """,
        ("@job", job), ("@number", decided.Generation.Number), ("@term", term),
        ("@content", StoreJson.Write(decided.Generation)), ("@reason", decided.Reason),
        ("@numerics", decided.Numerics), ("@redone", decided.StepsRedone));

    private void Return(string job, ReturnedToCheckpoint returned) => database.Execute(
        """
        INSERT INTO returns (job, generation, step, ejected, reason, steps_redone)
        VALUES (@job, @generation, @step, @ejected, @reason, @redone)
        ON CONFLICT (job, generation) DO NOTHING
        """,
        ("@job", job), ("@generation", returned.Generation), ("@step", returned.Step),
        ("@ejected", StoreJson.Write(returned.Ejected)), ("@reason", returned.Reason),
        ("@redone", returned.StepsRedone));

    private static StoredJob Read(DbDataReader row)
    {
        StoredJob job = StoredJob.New(
            StoreJson.FromHex(row.GetString(0)),
            StoreJson.Read<JobDescription>(row.GetString(1)));
        job = job with
        {
            StopReason = row.IsDBNull(2) ? null : row.GetString(2),
            Outcome = row.IsDBNull(3) ? null : StoreJson.Read<RunEvent>(row.GetString(3)),
            PauseReason = row.IsDBNull(12) ? null : row.GetString(12),
        };
        if (!row.IsDBNull(13))
            job = job.With(new JobScaled(job.Job, row.GetInt32(13)));
        if (!row.IsDBNull(4))
        {
            job = job with
            {
                Generation = StoreJson.Read<Generation>(row.GetString(4)),
                Numerics = row.GetString(5),
                StepsRedone = row.GetInt64(6),
            };
        }

        if (!row.IsDBNull(7))
            job = job.With(new CheckpointRecorded(job.Job, row.GetInt64(7), row.GetString(8)));
        if (row.IsDBNull(9))
            return job;
        job = job with { Returns = row.GetInt32(11), ReturnedFrom = row.GetInt32(9) };
        // A newer generation counts on from what the return added.
        return job.IsVoid ? job with { StepsRedone = row.GetInt64(10) } : job;
    }
}
