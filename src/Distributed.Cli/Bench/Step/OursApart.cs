namespace Distributed.Cli.Bench.Step;

/// <summary>
/// A training of its own for each worker, all at once: what the processors allow, because nobody
/// waits for anybody.
/// </summary>
internal sealed class OursApart(IReadOnlyList<OurTraining> trainings) : IStepContender
{
    public string Name => "ours-apart";

    public bool BeginsAnew => true;

    public async Task<StepRound> RunAsync(int steps, CancellationToken cancellation)
    {
        StepRound[] rounds = await Task.WhenAll(
            trainings.Select(training => training.RunAsync(steps, cancellation)));
        return new StepRound(
            rounds.Sum(round => round.ImagesPerSecond), rounds[0].Losses);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (OurTraining training in trainings)
            await training.DisposeAsync();
    }
}
