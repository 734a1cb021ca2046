namespace Distributed.Process.Tests;

/// <summary>
/// What holds for a run holds for one whose state lives on the device, too: the same bits on any
/// number of workers, and after one is killed.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class Bf16Tests(Workplace workplace)
{
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void AnyNumberOfWorkersTrainsTheSameBits(int workers)
    {
        CommandResult alone = workplace.Undisturbed(Recipe.Bf16);
        using CommandRun run = workplace.StartTraining(
            Recipe.Bf16, workplace.NewPath($"bf16-{workers}"), workers);
        CommandResult result = run.Finish().Expect(0);
        Assert.Equal(JsonEvents.Hash(alone), JsonEvents.Hash(result));
        Assert.Equal(Recipe.Bf16.Steps, JsonEvents.Done(result).GetProperty("steps").GetInt32());
    }

    /// <summary>
    /// The survivor goes on alone, which the device then does without the host, until another takes
    /// the state over from it.
    /// </summary>
    [Fact]
    public void AKilledWorkerChangesNothing()
    {
        using DisturbedRun run = DisturbedRun.Start(workplace, Recipe.LongBf16, workers: 2);
        run.Command.WaitForStep(Recipe.LongBf16.Steps / 4);
        (Moment kill, _) = run.KillOne(new Random(1));
        run.Command.WaitForArrival("generation", from: kill.Line);
        run.FinishAsUndisturbed();
    }

    /// <summary>Saves, ends early, and goes on: as if it had never stopped.</summary>
    [Fact]
    public void ARunThatIsResumedEndsAsIfItHadNeverStopped()
    {
        string folder = workplace.NewPath("bf16-resumed");
        using (CommandRun first = workplace.StartTraining(
            Recipe.Bf16, folder, workers: 2, "--steps", "9"))
            first.Finish().Expect(0);
        using CommandRun second = workplace.StartResume(
            folder, workers: 1, "--steps", $"{Recipe.Bf16.Steps}");
        CommandResult result = second.Finish().Expect(0);
        Assert.Equal(
            JsonEvents.Hash(workplace.Undisturbed(Recipe.Bf16)), JsonEvents.Hash(result));
    }
}
