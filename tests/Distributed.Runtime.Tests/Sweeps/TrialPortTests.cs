using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Scheduling;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Runtime.Recording;
using Distributed.Runtime.Sweeps;
using Distributed.Runtime.Tests.Store;
using Distributed.Training.Checkpoints;
using Distributed.Training.Specification;

namespace Distributed.Runtime.Tests.Sweeps;

/// <summary>What becomes of a leg in a folder that looks like this or that.</summary>
public sealed class TrialPortTests : IAsyncDisposable
{
    /// <summary>6 400 samples, in batches of 100.</summary>
    private const int StepsPerEpoch = 64;

    private readonly string _folder = Directory.CreateTempSubdirectory("trial-port-").FullName;
    private readonly AnswerProbe _probe = new();
    private readonly TrialPort _port = new();
    private readonly SweepDescription _sweep;

    public TrialPortTests() => _sweep = SweepFiles.Describe(
        """
        name: small
        run:
          dataset: {name: mnist, trainLimit: 6400}
          globalBatch: 100
          epochs: 4
          model:
            layers: [conv: {filters: 4, kernel: 3}, relu, flatten, linear: classes]
        space:
          optimizer.learningRate: {uniform: [0.1, 0.9]}
        trials: 3
        """) with
    {
        Folder = _folder,
    };

    public async ValueTask DisposeAsync()
    {
        await _port.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task ANewTrialBeginsAtItsBeginning()
    {
        TrialPrepared prepared = await PreparedAsync(Leg(trial: 1, untilEpoch: 2));
        Assert.Equal((0, ""), (prepared.Job.StartStep, prepared.Job.CheckpointFolder));
        Assert.Equal(_sweep.FolderOf(1), prepared.Job.RunFolder);
        Assert.Equal(
            (4 * StepsPerEpoch, StepsPerEpoch, 2 * StepsPerEpoch),
            (prepared.Job.Schedule.StepsTotal, prepared.Job.Schedule.StepsPerEpoch,
                prepared.Job.Schedule.StopAfterStep));
        Assert.True(prepared is { ParameterCount: > 0, Flops: > 0 });
        RunSpec spec = RunRecord.Load(_sweep.FolderOf(1)).Spec;
        Assert.Equal(("small-0001", 0.25), (spec.Name, spec.Optimizer.LearningRate));
        // The same leg again, as a coordinator does that took over, is the same job.
        Assert.Equal(prepared.Job, (await PreparedAsync(Leg(trial: 1, untilEpoch: 2))).Job);
    }

    [Fact]
    public async Task TheLastLegEndsWhereTheRunDoes() => Assert.Equal(
        0, (await PreparedAsync(Leg(trial: 0, untilEpoch: 4))).Job.Schedule.StopAfterStep);

    [Fact]
    public async Task ATrialGoesOnFromItsNewestState()
    {
        await PreparedAsync(Leg(trial: 1, untilEpoch: 2));
        Save(trial: 1, step: StepsPerEpoch);
        string newest = Save(trial: 1, step: StepsPerEpoch + 6);
        TrialPrepared prepared = await PreparedAsync(Leg(trial: 1, untilEpoch: 2));
        Assert.Equal(
            (StepsPerEpoch + 6, newest), (prepared.Job.StartStep, prepared.Job.CheckpointFolder));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2 * StepsPerEpoch)]
    public async Task ATakeoverBeginsWithTheOthersState(int ownStep)
    {
        await PreparedAsync(Leg(trial: 1, untilEpoch: 2));
        await PreparedAsync(Leg(trial: 2, untilEpoch: 2));
        string others = Save(trial: 2, step: 2 * StepsPerEpoch);
        Save(trial: 2, step: 3 * StepsPerEpoch);
        if (ownStep > 0)
            Save(trial: 1, ownStep);
        TrialPrepared prepared = await PreparedAsync(
            Leg(trial: 1, untilEpoch: 4, source: 2, sourceEpoch: 2));
        Assert.Equal(
            (2 * StepsPerEpoch, others), (prepared.Job.StartStep, prepared.Job.CheckpointFolder));
        Assert.Equal(_sweep.FolderOf(1), prepared.Job.RunFolder);
    }

    /// <summary>Its leg was interrupted after it had taken the other's state over.</summary>
    [Fact]
    public async Task WhoCameFurtherSinceATakeoverGoesOnFromThere()
    {
        await PreparedAsync(Leg(trial: 1, untilEpoch: 2));
        Save(trial: 2, step: 2 * StepsPerEpoch);
        string own = Save(trial: 1, step: (2 * StepsPerEpoch) + 9);
        TrialPrepared prepared = await PreparedAsync(
            Leg(trial: 1, untilEpoch: 4, source: 2, sourceEpoch: 2));
        Assert.Equal(
            ((2 * StepsPerEpoch) + 9, own),
            (prepared.Job.StartStep, prepared.Job.CheckpointFolder));
    }

    /// <summary>From every rung somebody may go on, much later.</summary>
    [Fact]
    public async Task APopulationKeepsAllItsCheckpoints()
    {
        Assert.True((await PreparedAsync(Leg(0, 2))).Job.Specification
            .Contains("keepCheckpoints: 3\n", StringComparison.Ordinal));
        TrialLeg leg = Leg(trial: 1, untilEpoch: 2);
        TrialPrepared prepared = await PreparedAsync(
            leg with { Sweep = _sweep with { Scheduler = new PbtSpec(2) } });
        Assert.Contains(
            "keepCheckpoints: 1000000\n", prepared.Job.Specification, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ImpossibleParametersAreHopeless()
    {
        TrialLeg leg = Leg(trial: 1, untilEpoch: 2);
        TrialRefused refused = await RefusedAsync(
            leg with { Parameters = [new("optimizer.learningRate", "-1")] });
        Assert.Equal(LegEnd.Hopeless, refused.End);
        Assert.Contains("learningRate", refused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_sweep.FolderOf(1)));
    }

    /// <summary>A file stands where the folder should be, which stops even root.</summary>
    [Fact]
    public async Task AFolderThatCannotBeWrittenIsBroken()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "trials"));
        await File.WriteAllTextAsync(_sweep.FolderOf(1), "in the way");
        Assert.Equal(LegEnd.Broken, (await RefusedAsync(Leg(trial: 1, untilEpoch: 2))).End);
    }

    /// <summary>In /proc nobody makes files, not even root.</summary>
    [Fact]
    public async Task AnEndThatCannotBeNotedStopsNobody()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "trials"));
        Directory.CreateSymbolicLink(_sweep.FolderOf(0), "/proc/self");
        _port.Conclude(_sweep, new TrialEnded(7, 9, 0, TrialEnd.Completed, "", 0));
        await PreparedAsync(Leg(trial: 1, untilEpoch: 2));
    }

    [Fact]
    public async Task ATakeoverOfNothingIsBroken()
    {
        TrialRefused refused = await RefusedAsync(
            Leg(trial: 1, untilEpoch: 4, source: 2, sourceEpoch: 2));
        Assert.Equal(LegEnd.Broken, refused.End);
    }

    private TrialLeg Leg(int trial, int untilEpoch, int source = -1, int sourceEpoch = 0) => new(
        _sweep, new LegStarted(7, 5, trial, 1, untilEpoch, source, sourceEpoch),
        [new ParameterValue("optimizer.learningRate", "0.25")]);

    private async Task<TrialPrepared> PreparedAsync(TrialLeg leg)
    {
        _port.Prepare(leg, _probe);
        return await _probe.NextAsync<TrialPrepared>();
    }

    private async Task<TrialRefused> RefusedAsync(TrialLeg leg)
    {
        _port.Prepare(leg, _probe);
        return await _probe.NextAsync<TrialRefused>();
    }

    private string Save(int trial, long step)
    {
        string path = new CheckpointStore(_sweep.FolderOf(trial), 10, TimeProvider.System).Save(
            CheckpointAt(step));
        return Path.GetFullPath(path);
    }

    private static CheckpointContent CheckpointAt(long step) => new()
    {
        Step = step,
        Epoch = 1,
        Model = [CheckpointTensor.Float32("fc.weight", [1], () => new float[] { step })],
        Optimizer = [],
        Progress = new Dictionary<string, double>(),
        SpecificationHash = "abc",
        Numerics = new NumericsFingerprint(
            2, "1.13", "HASWELL", "AVX2", "avx2", "cpu", "fp32", 1, 64, 4, 16, "exact"),
    };
}
