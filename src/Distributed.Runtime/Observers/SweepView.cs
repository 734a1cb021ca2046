using Distributed.Cluster.Sweeps;
using Distributed.Cluster.Sweeps.Search;

namespace Distributed.Runtime.Observers;

/// <summary>A sweep that goes on, or has ended not long ago.</summary>
/// <param name="Version">Of its last change, or of that of a trial.</param>
/// <param name="State"><c>running</c>, <c>paused: why</c>, <c>stopping: why</c> or
/// <c>ended: why</c>.</param>
/// <param name="Best">By the first objective; null before the first result.</param>
public sealed record SweepView(
    long Version, ulong Sweep, SweepDescription Description, string State, int TrialsWanted,
    int Begun, int Running, int Completed, int Stopped, int Failed, TrialView? Best,
    IReadOnlyCollection<string> Benched);

/// <summary>A trial of a sweep.</summary>
/// <param name="Version">Of its last change.</param>
/// <param name="State"><c>ready</c>, <c>running</c>, <c>waiting</c>, or how it ended:
/// <c>completed</c>, <c>stopped</c>, <c>failed</c>, <c>cancelled</c>.</param>
/// <param name="Job">Of the leg that runs, or of the last one; 0 before the first.</param>
/// <param name="Values">Of the objectives, after its last epoch; empty before the first.</param>
public sealed record TrialView(
    long Version, int Trial, string State, IReadOnlyList<ParameterValue> Parameters, ulong Job,
    int Epoch, IReadOnlyList<double> Values, double Seconds, string Reason);
