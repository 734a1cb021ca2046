namespace Distributed.Dashboard.Reports;

/// <summary>
/// A document about something that was measured. Its texts may hold anything: writers escape them.
/// </summary>
/// <param name="Title">What the report is about.</param>
/// <param name="Answer">The sentence that a reader who reads only one wants.</param>
/// <param name="Sections">In reading order.</param>
public sealed record Report(string Title, string Answer, IReadOnlyList<Section> Sections);

/// <summary>A part of a report.</summary>
/// <param name="Heading">Charts refer to it; among equal ones, to the first.</param>
/// <param name="Text">What it shows and how to read it; may be empty.</param>
/// <param name="Blocks">In reading order.</param>
public sealed record Section(string Heading, string Text, IReadOnlyList<Block> Blocks);
