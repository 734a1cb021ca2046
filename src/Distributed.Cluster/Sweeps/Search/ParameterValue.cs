namespace Distributed.Cluster.Sweeps.Search;

/// <summary>One drawn value.</summary>
/// <param name="Name">Of the dimension.</param>
/// <param name="Text">As YAML has it: a number in its shortest form, or an option's text.</param>
public sealed record ParameterValue(string Name, string Text);
