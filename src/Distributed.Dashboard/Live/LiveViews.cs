using System.Globalization;
using Distributed.Cluster.Jobs;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Runtime.Observers;

namespace Distributed.Dashboard.Live;

/// <summary>The read model's views as the page reads them.</summary>
internal static class LiveViews
{
    private static readonly string[] s_trialStates =
        ["ready", "running", "waiting", "completed", "stopped", "failed", "cancelled"];

    public static string Id(ulong number) =>
        number == 0 ? "" : number.ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>0 where it is none.</summary>
    public static ulong Number(string? id) =>
        ulong.TryParse(
            id, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong number)
            ? number
            : 0;

    public static LiveOverview Of(ClusterOverview overview, long dropped, DateTimeOffset now) =>
        new(
            overview.Address, overview.Term, overview.LeaderAddress, Ms(overview.StartedUtc),
            Ms(now), overview.Workers, overview.WorkersUnreachable, overview.WorkersBusy,
            overview.JobsRunning, overview.SweepsRunning, Round(overview.ImagesPerSecond), dropped);

    public static LiveWorker Of(WorkerView worker)
    {
        WorkerWork work = worker.Work;
        Cluster.Coordination.WorkerVitals? vitals = worker.Vitals;
        return new LiveWorker(
            Id(worker.Worker.Incarnation), worker.Worker.Name, worker.Worker.Host,
            worker.Worker.ProcessId, worker.Worker.DataAddress, worker.Status,
            worker.IsUnreachable, worker.Reason, Ms(worker.SinceUtc), worker.BenchReason,
            work.Device.Length > 0 ? work.Device : vitals?.Device ?? "", Id(work.Job), work.Phase,
            work.Rank, work.FirstShard, work.ShardCount, work.ShardsTotal, work.Step,
            Round(work.ComputeMs), Round(work.CommunicationMs), Round(work.WaitMs),
            Round(work.StepMs), Round(work.ImagesPerSecond), vitals?.MemoryBytes ?? 0,
            vitals?.DeviceMemoryUsedBytes ?? 0, vitals?.DeviceMemoryTotalBytes ?? 0,
            Round(vitals?.Utilisation ?? 0));
    }

    public static LiveJob Of(JobView job)
    {
        JobDescription description = job.Description;
        return new LiveJob(
            Id(job.Job), description.Name, Id(job.Sweep), job.State, job.Generation,
            job.Workers.Count, job.Reason, job.Step, description.Schedule.StepsTotal, job.Epoch,
            description.Schedule.EpochsTotal, Finite(job.Loss), Round(job.ImagesPerSecond),
            Finite(job.LastEpoch?.TestAccuracy), Finite(job.LastEpoch?.TestLoss),
            job.CheckpointStep,
            job.Outcome switch
            {
                null => "",
                RunCompleted => "completed",
                RunFailed => "failed",
                _ => "stopped",
            },
            (job.Outcome as RunFailed)?.Message ?? "", description.RunFolder,
            description.LogicalShards, description.GlobalBatch, Ms(job.StartedUtc),
            job.EndedUtc is { } ended ? Ms(ended) : null);
    }

    public static LiveSweep Of(SweepView sweep) => new(
        Id(sweep.Sweep), sweep.Description.Name, sweep.State, sweep.TrialsWanted, sweep.Begun,
        sweep.Running, sweep.Completed, sweep.Stopped, sweep.Failed, sweep.Best?.Trial,
        sweep.Best is { Values: [var first, ..] } ? Finite(first) : null,
        [.. sweep.Description.Objectives.Select(objective => new LiveObjective(
            SweepRanking.Name(objective.Metric), objective.IsMaximized))],
        [.. sweep.Description.Space.Dimensions.Select(dimension => dimension.Name)],
        sweep.Benched, sweep.Description.Folder);

    public static LiveHappening Of(HappeningView happening) => new(
        happening.Sequence, Ms(happening.Utc), happening.Kind, happening.Subject, happening.Text,
        happening.IsFailure);

    public static LiveLog Of(LogView line) => new(
        line.Sequence, Ms(line.Utc), line.Level.ToString(), line.Node, line.Source, line.Text);

    public static LiveCurves Of(JobCurves curves, long afterStep)
    {
        CurvePoint[] points = [.. curves.Steps.Where(point => point.Step > afterStep)];
        return new LiveCurves(
            [.. points.Select(point => point.Step)],
            [.. points.Select(point => Finite(point.Loss))],
            [.. points.Select(point => Round(point.ImagesPerSecond))],
            [.. curves.Epochs.Select(epoch => new LiveEpoch(
                epoch.Epoch, epoch.Step, Finite(epoch.TrainLoss), Finite(epoch.TrainAccuracy),
                Finite(epoch.TestLoss), Finite(epoch.TestAccuracy), Round(epoch.Seconds)))]);
    }

    /// <param name="timings">By rank, then by step.</param>
    /// <param name="stepsMax">Of each rank, the last ones.</param>
    public static LiveTimeline Of(IReadOnlyList<StepTiming> timings, int stepsMax)
    {
        var ranks = new List<LiveRank>();
        for (int first = 0; first < timings.Count;)
        {
            int end = first;
            while (end < timings.Count && timings[end].Rank == timings[first].Rank)
                end++;
            int from = Math.Max(first, end - stepsMax);
            var steps = new List<long>(end - from);
            var times = new List<int>(3 * (end - from));
            for (int index = from; index < end; index++)
            {
                StepTiming timing = timings[index];
                steps.Add(timing.Step);
                times.Add(Tenths(timing.ComputeMs));
                times.Add(Tenths(timing.CommunicationMs));
                times.Add(Tenths(timing.WaitMs));
            }

            ranks.Add(new LiveRank(timings[first].Rank, timings[first].Worker, steps, times));
            first = end;
        }

        return new LiveTimeline(ranks);
    }

    /// <summary>At most so many of the trials from that number on.</summary>
    /// <param name="trials">By number.</param>
    /// <param name="version">Of the model before it was asked for them.</param>
    public static LiveTrials Of(
        SweepView sweep, IReadOnlyList<TrialView> trials, long version, int from, int countMax)
    {
        TrialView[] page =
            [.. trials.SkipWhile(trial => trial.Trial < from).Take(countMax + 1)];
        int? next = page.Length > countMax ? page[countMax].Trial : null;
        if (next is not null)
            page = page[..countMax];
        var jobs = new Dictionary<int, string>();
        var reasons = new Dictionary<int, string>();
        for (int index = 0; index < page.Length; index++)
        {
            if (page[index].Job != 0 && page[index].State == "running")
                jobs.Add(index, Id(page[index].Job));
            if (page[index].Reason.Length > 0)
                reasons.Add(index, page[index].Reason);
        }

        int objectives = sweep.Description.Objectives.Count;
        return new LiveTrials(
            version, next, [.. page.Select(trial => trial.Trial)], s_trialStates,
            [.. page.Select(trial => Array.IndexOf(s_trialStates, trial.State))],
            [.. page.Select(trial => trial.Epoch)], [.. page.Select(trial => Round(trial.Seconds))],
            [.. Enumerable.Range(0, objectives).Select(objective => page.Select(
                trial => objective < trial.Values.Count
                    ? Finite(trial.Values[objective]) : null).ToArray())],
            [.. sweep.Description.Space.Dimensions.Select(
                dimension => new LiveColumn(dimension.Name, Texts(page, dimension.Name)))],
            jobs, reasons);
    }

    private static string?[] Texts(TrialView[] trials, string name)
    {
        var texts = new string?[trials.Length];
        int place = 0;
        for (int index = 0; index < trials.Length; index++)
        {
            IReadOnlyList<ParameterValue> parameters = trials[index].Parameters;
            // A name stands at the same place in nearly all trials.
            if (place >= parameters.Count || parameters[place].Name != name)
            {
                place = 0;
                while (place < parameters.Count && parameters[place].Name != name)
                    place++;
            }

            texts[index] = place < parameters.Count ? parameters[place].Text : null;
        }

        return texts;
    }

    private static long Ms(DateTimeOffset utc) => utc.ToUnixTimeMilliseconds();

    private static int Tenths(double ms) =>
        double.IsFinite(ms) ? (int)Math.Clamp(ms * 10, 0, int.MaxValue / 2) : 0;

    /// <summary>JSON has no word for the others.</summary>
    private static double? Finite(double? value) =>
        value is { } number && double.IsFinite(number) ? number : null;

    /// <summary>More digits would only make frames longer.</summary>
    private static double Round(double value) =>
        double.IsFinite(value) ? Math.Round(value, 3) : 0;
}
