namespace Distributed.Cli.Bench.Step;

/// <summary>What a contender did in one round.</summary>
/// <param name="ImagesPerSecond">Over the steps that count, all workers together.</param>
/// <param name="Losses">Of every step, in order.</param>
internal sealed record StepRound(double ImagesPerSecond, IReadOnlyList<double> Losses);

/// <summary>Trains some steps when it is told to, and stands still otherwise.</summary>
internal interface IStepContender : IAsyncDisposable
{
    string Name { get; }

    /// <summary>Whether each round trains a new network, or goes on with the last one's.</summary>
    bool BeginsAnew { get; }

    Task<StepRound> RunAsync(int steps, CancellationToken cancellation);
}
