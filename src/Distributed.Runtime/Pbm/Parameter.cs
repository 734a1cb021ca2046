namespace Distributed.Runtime.Pbm;

/// <summary>Something that a command can be given.</summary>
/// <param name="Kind">How it is given.</param>
/// <param name="Name">Of an argument as the help writes it, in lower case; of others without
/// dashes.</param>
/// <param name="Complete">Answers what it could be now; null where nobody can know.</param>
internal sealed record Parameter(ParameterKind Kind, string Name, string Help)
{
    public string ShortName { get; init; } = "";

    public bool IsRequired { get; init; }

    public bool IsInteger { get; init; }

    public string Default { get; init; } = "";

    public IReadOnlyList<string> Choices { get; init; } = [];

    public Func<InspectedNode, IEnumerable<string>>? Complete { get; init; }
}

internal enum ParameterKind
{
    Argument,
    Option,
    Switch,
}
