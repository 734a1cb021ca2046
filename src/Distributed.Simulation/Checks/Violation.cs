namespace Distributed.Simulation;

/// <summary>A promise that a history broke.</summary>
/// <param name="AtSeconds">Simulated time.</param>
/// <param name="Kind">Which check found it.</param>
/// <param name="Text">What happened.</param>
public sealed record Violation(double AtSeconds, string Kind, string Text);
