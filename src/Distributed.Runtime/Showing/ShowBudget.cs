namespace Distributed.Runtime.Showing;

/// <summary>
/// What is shown of an epoch: all that showing costs a worker, on whichever thread, stays a small
/// share of the time that training takes. The first and the last time are always shown.
/// </summary>
internal static class ShowBudget
{
    /// <summary>
    /// Of training's time. Where workers have all processors, those of the showing thread are taken
    /// from training too.
    /// </summary>
    public const double ShareMax = 0.012;

    /// <summary>Of an epoch's training, for pictures and curves of its test.</summary>
    public const double TestShareMax = 0.004;

    /// <summary>The next time, and the run's end.</summary>
    private const int TimesAhead = 2;

    /// <summary>Roughly what the coordinator takes to draw a test.</summary>
    private const double DrawingMs = 8;

    /// <summary>Of sending and reading what a network made of a sample; the second one for each
    /// class.</summary>
    private const double SampleMs = 4e-4, ProbabilityMs = 4e-5;

    /// <summary>Forward and backward of a processor that does well.</summary>
    private const double TrainedFlopsPerMs = 5e7, ForwardAndBackward = 3;

    /// <summary>Whether an epoch's histograms and images are made.</summary>
    /// <param name="spent">All that showing took so far.</param>
    /// <param name="next">What they will take.</param>
    /// <param name="trained">What the steps took so far.</param>
    public static ShowDecision Decide(TimeSpan spent, TimeSpan next, TimeSpan trained) =>
        spent + (TimesAhead * next) <= trained * ShareMax
            ? new ShowDecision(true, "histograms and images are made at each epoch's end")
            : new ShowDecision(
                false,
                "no histograms and images of this epoch: showing took "
                + $"{spent.TotalMilliseconds:0} ms in {trained.TotalSeconds:0.0} s of steps, takes "
                + $"{next.TotalMilliseconds:0} ms more each time and may take "
                + $"{100 * ShareMax:0.0} %; those of the run's end are made");

    /// <summary>
    /// How many epochs later the next test is shown; the same on every rank, because its parts come
    /// from all.
    /// </summary>
    public static int EpochsBetweenTests(
        int trainSamples, int testSamples, int classes, long flopsPerImage)
    {
        double testMs = DrawingMs + (testSamples * (SampleMs + (classes * ProbabilityMs)));
        double epochMs =
            Math.Max(1, trainSamples * ForwardAndBackward * flopsPerImage / TrainedFlopsPerMs);
        return (int)Math.Clamp(Math.Ceiling(testMs / (epochMs * TestShareMax)), 1, 1 << 20);
    }
}

internal readonly record struct ShowDecision(bool IsDue, string Reason);
