using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Search;
using Distributed.Runtime.Sweeps;

namespace Distributed.Cli.Tests;

/// <summary>A sweep whose trials end as a test says, without anything being run.</summary>
internal sealed class SyntheticSweep
{
    private const ulong Number = 42;
    private const long MsPerTrial = 1000;

    public SyntheticSweep(string yaml, string folder = "/nowhere")
    {
        SweepFileContent content = SweepFile.Read(yaml, "synthetic.yaml", []);
        Description = content.Describe(
            folder, [.. content.Datasets.Select(dataset => DatasetSizes.Known(dataset)!)],
            "0123456789abcdef");
        State = new SweepState(new SweepSubmitted(Number, Description));
    }

    public SweepDescription Description { get; }

    public SweepState State { get; }

    /// <summary>The names of all dimensions, in order.</summary>
    public IReadOnlyList<string> Names =>
        [.. Description.Space.Dimensions.Select(dimension => dimension.Name)];

    public static ulong SweepNumber => Number;

    /// <summary>Values in the space's order; an empty one is not there.</summary>
    public IReadOnlyList<ParameterValue> Parameters(params string[] texts) =>
    [
        .. Names.Zip(texts).Where(pair => pair.Second.Length > 0)
            .Select(pair => new ParameterValue(pair.First, pair.Second)),
    ];

    /// <summary>The next trial runs to its end.</summary>
    public void Complete(
        IReadOnlyList<ParameterValue> parameters, double accuracy, long flops = 1_000_000)
    {
        int trial = Begin(parameters, flops);
        Reach(trial, Description.Epochs, accuracy, "abc");
        Conclude(trial, TrialEnd.Completed, "all epochs");
    }

    /// <summary>The next trial fails before it has any result.</summary>
    public void Fail(IReadOnlyList<ParameterValue> parameters, string reason)
    {
        int trial = Begin(parameters, 1_000_000);
        State.Apply(new LegEnded(
            Number, State.NextSequence, trial, 1,
            new LegOutcome(LegEnd.Hopeless, null, "", reason)));
        Conclude(trial, TrialEnd.Failed, reason);
    }

    /// <summary>The next trial begins, and runs.</summary>
    public int Begin(IReadOnlyList<ParameterValue> parameters, long flops)
    {
        int trial = State.Trials.Count;
        State.Apply(new TrialSuggested(
            Number, State.NextSequence, trial, parameters, "", 1 + trial * MsPerTrial));
        State.Apply(new TrialSized(Number, State.NextSequence, trial, 1000, flops));
        State.Apply(new LegStarted(
            Number, State.NextSequence, trial, 1, Description.Epochs, -1, 0));
        return trial;
    }

    /// <summary>Its leg ends at that epoch.</summary>
    public void Reach(int trial, int epoch, double accuracy, string hash = "") =>
        State.Apply(new LegEnded(
            Number, State.NextSequence, trial, 1,
            new LegOutcome(
                LegEnd.Reached,
                new TrialResult(epoch, 0.4, 0.9, 0.5, accuracy, 5000, 2.5, hash), "", "")));

    public void Conclude(int trial, TrialEnd end, string reason) => State.Apply(new TrialEnded(
        Number, State.NextSequence, trial, end, reason, 1 + (trial + 1) * MsPerTrial));

    public void EndSweep() => State.Apply(new SweepEnded(
        Number, State.NextSequence, "all trials were begun",
        1 + State.Trials.Count * MsPerTrial));
}
