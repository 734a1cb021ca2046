using System.Diagnostics.Metrics;
using Distributed.Runtime.Observers;

namespace Distributed.Runtime.Metrics;

/// <summary>
/// A cluster's metrics, read from its read model when somebody asks: they cost nothing otherwise,
/// and what has ended is gone with the next answer.
/// </summary>
internal sealed class ClusterMetrics : IDisposable
{
    private readonly Meter _cluster;
    private readonly Meter _jobs;
    private readonly Meter _workers;
    private readonly ClusterReadModel _model;
    private readonly Momentary<ClusterSnapshot> _snapshot;

    /// <param name="model">Whose cluster it is.</param>
    /// <param name="scope">Of the meters: tells one coordinator's of another's in a
    /// process.</param>
    /// <param name="clock">Tells one answer from the next.</param>
    public ClusterMetrics(ClusterReadModel model, object scope, TimeProvider clock)
    {
        _model = model;
        _snapshot = new Momentary<ClusterSnapshot>(() => ClusterSnapshot.Of(model), clock);
        _cluster = Create("Distributed.Cluster");
        _jobs = Create("Distributed.Jobs");
        _workers = Create("Distributed.Workers");
        AddCluster();
        AddReadModel();
        AddJobs();
        AddRanks();
        AddWorkers();

        Meter Create(string name) => new(new MeterOptions(name) { Scope = scope });
    }

    private ClusterSnapshot Now => _snapshot.Value;

    public void Dispose()
    {
        _cluster.Dispose();
        _jobs.Dispose();
        _workers.Dispose();
    }

    private void AddCluster()
    {
        _cluster.CreateObservableGauge(
            "distributed.cluster.term", () => Now.Overview.Term, null,
            "The term in which this coordinator acts; 0 while it stands by.");
        _cluster.CreateObservableGauge(
            "distributed.cluster.workers", CountWorkers, "{worker}",
            "Members, by their status; those that do not answer count as Unreachable.");
        _cluster.CreateObservableGauge(
            "distributed.cluster.workers.busy", () => Now.Overview.WorkersBusy, "{worker}",
            "Members that work on a job.");
        _cluster.CreateObservableGauge(
            "distributed.cluster.jobs", () => Now.Overview.JobsRunning, "{job}",
            "Jobs that have not ended, those of trials included.");
        _cluster.CreateObservableGauge(
            "distributed.cluster.throughput", () => Now.Overview.ImagesPerSecond, "{sample}/s",
            "Samples trained on, over all jobs, those of trials included.");
        _cluster.CreateObservableCounter(
            "distributed.cluster.worker.joins", () => _model.WorkerChanges().Joined, "{worker}",
            "Processes that have joined as workers.");
        _cluster.CreateObservableCounter(
            "distributed.cluster.worker.restarts", () => _model.WorkerChanges().Restarted,
            "{worker}", "Of those, new processes under the name of an earlier one.");
        _cluster.CreateObservableCounter(
            "distributed.cluster.worker.losses", () => _model.WorkerChanges().Lost, "{worker}",
            "Workers that were given up; those that left in order do not count.");
        _cluster.CreateObservableGauge(
            "distributed.sweep.trials", CountTrials, "{trial}",
            "Trials of a sweep that goes on, by what became of them.");
    }

    private void AddReadModel()
    {
        _cluster.CreateObservableGauge(
            "distributed.read_model.waiting", () => _model.Waiting, "{message}",
            "What was told of the cluster and is not yet shown.");
        _cluster.CreateObservableCounter(
            "distributed.read_model.dropped", () => _model.Dropped, "{message}",
            "Steps, vitals and log lines that were dropped because too much waited.");
    }

    private void AddJobs()
    {
        _jobs.CreateObservableCounter(
            "distributed.job.steps", () => OfJobs(job => job.Step), "{step}",
            "Committed steps since the run began; fewer where it returned to a checkpoint.");
        _jobs.CreateObservableCounter(
            "distributed.job.samples", () => OfJobs(Samples), "{sample}",
            "Samples of those steps.");
        Job("throughput", "{sample}/s", "Samples trained on.", job => job.ImagesPerSecond);
        Job("loss", null, "Of the last step that was told.", job => job.Loss);
        Job("epoch", null, "That the job is in, from 1.", job => job.Epoch);
        Job("generation", null, "How often its membership was formed.", job => job.Generation);
        Job("workers", "{worker}", "That compute, spares excluded.", job => job.Workers.Count);
        Job("checkpoint.step", null, "Of the newest durable one.", job => job.CheckpointStep);
        _jobs.CreateObservableGauge(
            "distributed.job.test.accuracy",
            () => Now.Jobs.Where(job => job.View.LastEpoch is not null).Select(job =>
                new Measurement<double>(job.View.LastEpoch!.TestAccuracy, job.Tags)),
            "1", "Over the test set, after the last epoch.");

        void Job(string name, string? unit, string description, Func<JobView, double> value) =>
            _jobs.CreateObservableGauge(
                $"distributed.job.{name}", () => OfJobs(value), unit, description);
    }

    private void AddRanks()
    {
        Rank("step", "The whole step", work => work.StepMs);
        Rank("step.compute", "From the step's begin to backward's end", work => work.ComputeMs);
        Rank(
            "allreduce", "How long collectives ran, overlapped with compute or not",
            work => work.CommunicationMs);
        Rank("step.wait", "How long the step stood still for collectives", work => work.WaitMs);

        void Rank(string name, string description, Func<WorkerWork, double> milliseconds) =>
            _jobs.CreateObservableGauge(
                $"distributed.rank.{name}.duration",
                () => Now.Ranks.Select(rank => new Measurement<double>(
                    milliseconds(rank.View.Work) / 1e3, rank.Tags)),
                "s", description + ": the mean over the rank's last report.");
    }

    private void AddWorkers()
    {
        _workers.CreateObservableGauge(
            "distributed.worker.memory.usage", () => OfWorkers(vitals => vitals.MemoryBytes),
            "By", "Resident, of the worker's process.");
        _workers.CreateObservableGauge(
            "distributed.worker.device.memory.usage",
            () => OfDevices(vitals => vitals.DeviceMemoryUsedBytes), "By",
            "Of the worker's device, where it has memory of its own.");
        _workers.CreateObservableGauge(
            "distributed.worker.device.memory.limit",
            () => OfDevices(vitals => vitals.DeviceMemoryTotalBytes), "By",
            "How much memory the device has.");
        _workers.CreateObservableGauge(
            "distributed.worker.device.utilization",
            () => OfWorkers(vitals => vitals.Utilisation), "1", "Of the device, from 0 to 1.");
    }

    private IEnumerable<Measurement<int>> CountWorkers() => Now.Workers
        .CountBy(worker => worker.View.IsUnreachable ? "Unreachable" : worker.View.Status)
        .Select(count => new Measurement<int>(
            count.Value, MetricTags.Of(("status", count.Key))));

    private IEnumerable<Measurement<int>> CountTrials() => Now.Sweeps.SelectMany(sweep =>
        new (string State, int Count)[]
        {
            ("running", sweep.View.Running), ("completed", sweep.View.Completed),
            ("stopped", sweep.View.Stopped), ("failed", sweep.View.Failed),
        }.Select(trials => new Measurement<int>(
            trials.Count, MetricTags.And(sweep.Tags, ("state", trials.State)))));

    private IEnumerable<Measurement<T>> OfJobs<T>(Func<JobView, T> value)
        where T : struct =>
        Now.Jobs.Select(job => new Measurement<T>(value(job.View), job.Tags));

    private IEnumerable<Measurement<double>> OfWorkers(
        Func<Cluster.Coordination.WorkerVitals, double> value) =>
        Now.Workers.Where(worker => worker.View.Vitals is not null).Select(worker =>
            new Measurement<double>(value(worker.View.Vitals!), worker.Tags));

    private IEnumerable<Measurement<double>> OfDevices(
        Func<Cluster.Coordination.WorkerVitals, double> value) =>
        Now.Workers.Where(worker => worker.View.Vitals is { DeviceMemoryTotalBytes: > 0 })
            .Select(worker => new Measurement<double>(value(worker.View.Vitals!), worker.Tags));

    /// <summary>The last step of an epoch may have fewer than the others.</summary>
    private static long Samples(JobView job)
    {
        long stepsPerEpoch = Math.Max(1, job.Description.Schedule.StepsPerEpoch);
        long samples = job.Description.TrainSamples;
        (long epochs, long steps) = Math.DivRem(job.Step, stepsPerEpoch);
        return (epochs * samples) + Math.Min(steps * job.Description.GlobalBatch, samples);
    }
}
