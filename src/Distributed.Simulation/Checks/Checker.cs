using System.Runtime.CompilerServices;
using Distributed.Kernel;
using Distributed.Simulation.Processes;
using Distributed.Simulation.Time;

namespace Distributed.Simulation.Checks;

/// <summary>
/// Watches over a history. The first violation ends it: what comes after would only follow from it.
/// This part keeps the violation; the others look at training, at coordinators and at what they
/// promise.
/// </summary>
internal sealed partial class Checker(Scheduler scheduler)
{
    public Violation? Violation { get; private set; }

    /// <summary>Where a line for everything that happens goes; null for nowhere.</summary>
    public Action<string>? Log { get; init; }

    public SimulatedWorld World { get; set; } = null!;

    public void Fail(string kind, string text)
    {
        Violation ??= new Violation(Span.ToSeconds(scheduler.NowNs), kind, text);
        Log?.Invoke($"VIOLATION {kind}: {text}");
    }

    public void Expect(
        bool condition, string kind,
        [InterpolatedStringHandlerArgument(nameof(condition))] InvariantMessage text)
    {
        if (!condition)
            Fail(kind, text.ToString());
    }

    /// <summary>A line of the log, of something that is no actor.</summary>
    public void Note(string text) =>
        Log?.Invoke($"{Span.ToSeconds(scheduler.NowNs),12:0.000000} {text}");

    public void OnLifeEnds(ProcessLife life)
    {
        long full = life.System.DeadLetterCount(DeadLetterReason.MailboxFull)
            + life.System.DeadLetterCount(DeadLetterReason.StashFull);
        Expect(
            full == 0, "bounds", $"{full} messages found a full mailbox in {life.Machine.Name}");
        Expect(
            life.System.Failure is null, "actor",
            $"the actors of {life.Machine.Name} gave up: {life.System.Failure?.Message}");
    }
}
