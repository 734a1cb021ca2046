using Distributed.Cluster.Sweeps;
using Distributed.Dashboard.Reports.Sweeps;

namespace Distributed.Cli.Exercises;

/// <summary>A sweep as an exercise's report sees it.</summary>
/// <param name="Folder">The sweep's.</param>
/// <param name="State">What was decided.</param>
/// <param name="Results">With every epoch of every trial.</param>
internal sealed record ExerciseFindings(string Folder, SweepState State, SweepResults Results);
