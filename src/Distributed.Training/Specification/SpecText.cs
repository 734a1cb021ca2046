namespace Distributed.Training.Specification;

/// <summary>YAML with the name that messages give it, as a rule the file's.</summary>
public sealed record SpecText(string Yaml, string Origin);
