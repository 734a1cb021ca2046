using System.Threading.Channels;
using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Kernel;
using Distributed.Runtime.Coordination;
using Distributed.Runtime.Recording;
using Distributed.Training.Checkpoints;
using Distributed.Training.Models;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Sweeps;

/// <summary>
/// Makes jobs of sweeps' trials on the coordinator: reads the trial's run spec, looks what its
/// folder holds, and notes how it ended. Calls are queued and done in order by one task, so that
/// the actors never wait for the disk.
/// </summary>
internal sealed class TrialPort : ITrialPort, IAsyncDisposable
{
    /// <summary>As many as a run spec can say.</summary>
    private const int KeepAll = 1_000_000;

    private readonly Channel<Action> _waiting = Channel.CreateUnbounded<Action>(
        new UnboundedChannelOptions { SingleReader = true });

    private readonly Task _working;

    public TrialPort() => _working = Task.Run(WorkAsync);

    public void Prepare(TrialLeg leg, IActorRef replyTo) => _waiting.Writer.TryWrite(() =>
    {
        object answer;
        try
        {
            answer = Prepare(leg);
        }
        catch (SpecificationException impossible)
        {
            answer = new TrialRefused(leg.Leg, LegEnd.Hopeless, impossible.Message);
        }
        catch (Exception failure)
        {
            // Whatever it is, a sweep that waits for an answer has to hear of it.
            answer = new TrialRefused(
                leg.Leg, DiskErrors.IsFull(failure) ? LegEnd.DiskFull : LegEnd.Broken,
                IsOfDisk(failure) ? failure.Message : failure.ToString());
        }

        replyTo.Tell(answer);
    });

    public void Conclude(SweepDescription sweep, TrialEnded ended) =>
        _waiting.Writer.TryWrite(() =>
        {
            try
            {
                TrialRecords.End(sweep, ended);
            }
            catch (Exception failure) when (IsOfDisk(failure))
            {
                // TensorBoard then shows the trial as running; the store knows how it ended.
            }
        });

    /// <summary>Does what was asked for before, then ends.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _working;
    }

    private static bool IsOfDisk(Exception failure) =>
        failure is OperatingException or IOException or UnauthorizedAccessException;

    private static TrialPrepared Prepare(TrialLeg leg)
    {
        SweepDescription sweep = leg.Sweep;
        LegStarted started = leg.Leg;
        RunSpec spec = TrialSpecification.Read(sweep, started.Trial, leg.Parameters);
        // From the state of each rung another trial may go on, at any time.
        if (sweep.Scheduler is PbtSpec)
            spec = spec with { KeepCheckpoints = KeepAll };
        // There are thousands of trials.
        if (spec.TensorBoard == TensorBoardLevel.Auto)
            spec = spec with { TensorBoard = TensorBoardLevel.Scalars };
        SampleCounts samples = TrialSpecification.Counts(spec, sweep);
        Network network = TrialSpecification.NetworkOf(spec, sweep);
        string folder = sweep.FolderOf(started.Trial);
        Directory.CreateDirectory(folder);
        string numerics = File.Exists(Path.Combine(folder, RunRecord.FileName))
            ? RunRecord.Load(folder).Numerics?.ToText() ?? ""
            : "";
        ResumePoint point = ResumePoint.Find(folder, spec.KeepCheckpoints);
        if (started.Source >= 0)
        {
            long step = started.SourceEpoch * samples.StepsPerEpoch(spec.GlobalBatch);
            // A leg that was interrupted may have come further: that is the newer state.
            if (point.Step <= step)
                point = Takeover(sweep.FolderOf(started.Source), step, point);
        }

        // From here on the folder is a run's, whatever happens next.
        new RunRecord(
            spec, sweep.Commit.Length > 0 ? sweep.Commit : null,
            numerics.Length > 0 ? RunRecord.Load(folder).Numerics : null).Save(folder);
        TrialRecords.Begin(sweep, started.Trial, leg.Parameters);
        var place = new RunPlace(
            folder, point.Step, point.CheckpointFolder, numerics, point.StepsToRedo,
            sweep.Commit);
        return new TrialPrepared(
            started,
            RunJob.Describe(
                spec, place, samples, sweep.Limits.WorkersPerTrial, started.UntilEpoch),
            network.ParameterCount, network.FlopsPerImage);
    }

    /// <summary>The other's state after that step, in place of the trial's own.</summary>
    private static ResumePoint Takeover(string folder, long step, ResumePoint own)
    {
        string path = CheckpointStore.PathOf(folder, step);
        using LoadedCheckpoint checkpoint = CheckpointStore.Load(path);
        return own with { Step = step, CheckpointFolder = Path.GetFullPath(checkpoint.Path) };
    }

    private async Task WorkAsync()
    {
        await foreach (Action action in _waiting.Reader.ReadAllAsync())
            action();
    }
}
