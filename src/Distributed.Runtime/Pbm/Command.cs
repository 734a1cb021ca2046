namespace Distributed.Runtime.Pbm;

/// <summary>One command of a palette.</summary>
/// <param name="Run">Answers through the call; an <see cref="Kernel.OperatingException"/> is shown
/// as its end.</param>
internal sealed record Command(string Name, string Help, Func<Call, Task> Run)
{
    public IReadOnlyList<Parameter> Parameters { get; init; } = [];

    /// <summary>It goes on until it is cancelled.</summary>
    public bool Streams { get; init; }

    /// <summary>A coordinator that stands by cannot answer it.</summary>
    public bool NeedsLeader { get; init; }

    /// <summary>Null where it destroys nothing.</summary>
    public Func<Call, Plan>? Plan { get; init; }
}

/// <summary>What a command would do.</summary>
/// <param name="Text">For people, with all names.</param>
/// <param name="Values">What to run it with, so that exactly that is done.</param>
internal sealed record Plan(string Text, IReadOnlyDictionary<string, string> Values);

/// <summary>Commands about one thing.</summary>
internal abstract class Palette
{
    public abstract string Name { get; }

    public abstract string Help { get; }

    public abstract IReadOnlyList<Command> Commands { get; }
}
