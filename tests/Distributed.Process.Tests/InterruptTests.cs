using System.Text.Json;

namespace Distributed.Process.Tests;

/// <summary>
/// A run that is stopped, whenever and however, goes on later and ends with the bits of a run that
/// was never disturbed.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class InterruptTests(Workplace workplace)
{
    private const int Interrupted = 130;

    [Fact]
    public void ControlCTwiceAtAnyStepWithMomentum() => StopTwice(Recipe.LongNorm);

    [Fact]
    public void ControlCTwiceAtAnyStepWithAdam() => StopTwice(Recipe.LongCourseCnn);

    [Fact]
    public void ControlCBeforeTheFirstStep()
    {
        for (int moment = 0; moment < 3; moment++)
        {
            string folder = workplace.NewPath("starting");
            using CommandRun starting = workplace.StartTraining(Recipe.Norm, folder, workers: 2);
            WaitForStartUp(starting, folder, moment);
            starting.PressControlC();
            starting.Finish().Expect(Interrupted);

            using CommandRun again = workplace.StartResume(folder, workers: 2);
            SameAsUndisturbed(Recipe.Norm, folder, again.Finish().Expect(0));
        }
    }

    [Fact]
    public void AKilledCommandTakesItsProcessesAlongAndTheRunGoesOn()
    {
        string folder = workplace.NewPath("killed");
        using CommandRun first = workplace.StartTraining(
            Recipe.LongNorm, folder, workers: 2, "--checkpoint-every", "25");
        first.WaitForEvent("checkpoint");
        first.WaitForStep(Random.Shared.Next(26, Recipe.LongNorm.Steps / 3));
        IReadOnlyList<int> family = first.Family();
        Assert.Equal(4, family.Count);
        Signals.Send(first.ProcessId, Signals.Kill);
        first.WaitUntilAllAreGone();
        // Workers step on for a moment without their coordinator, and may save what is not on
        // record; the run goes on from where its record is whole.
        long recorded = RunFolder.Numbers(folder, "step", "step")[^1];
        long redone = recorded
            - RunFolder.Checkpoints(folder).Where(step => step <= recorded).DefaultIfEmpty().Max();

        using CommandRun second = workplace.StartResume(folder, workers: 1);
        CommandResult result = second.Finish().Expect(0);

        SameAsUndisturbed(Recipe.LongNorm, folder, result);
        JsonElement done = JsonEvents.Done(result);
        Assert.Equal(redone, done.GetProperty("steps_redone").GetInt64());
        Assert.Equal(0, done.GetProperty("steps_lost").GetInt64());
    }

    /// <summary>
    /// Stops a run in its first third and again in its second, each time with another number of
    /// workers, and lets it end.
    /// </summary>
    private void StopTwice(Recipe recipe)
    {
        string folder = workplace.NewPath($"{recipe.Name}-stopped");
        int third = recipe.Steps / 3;
        using CommandRun first = workplace.StartTraining(recipe, folder, workers: 2);
        long stopped = StopAfter(first, folder, Random.Shared.Next(1, third));
        using CommandRun second = workplace.StartResume(folder, workers: 3);
        stopped = StopAfter(
            second, folder, Math.Max(stopped, Random.Shared.Next(third, 2 * third)));
        using CommandRun last = workplace.StartResume(folder, workers: 1);
        CommandResult result = last.Finish().Expect(0);

        SameAsUndisturbed(recipe, folder, result);
        JsonElement generation = JsonEvents.Of(result, "generation")[0];
        Assert.Equal(stopped, generation.GetProperty("step").GetInt64());
        Assert.Equal(0, JsonEvents.Done(result).GetProperty("steps_redone").GetInt64());
    }

    /// <summary>Presses Ctrl-C after a step; returns the step that was saved.</summary>
    private static long StopAfter(CommandRun run, string folder, long step)
    {
        run.WaitForStep(step);
        run.PressControlC();
        CommandResult result = run.Finish().Expect(Interrupted);
        long saved = RunFolder.Checkpoints(folder)[^1];
        Assert.True(saved >= step, $"saved after step {saved}\n{result.Story}");
        string goesOn = result.Errors[^1];
        Assert.Contains($"the state after step {saved} is saved", goesOn);
        Assert.Contains($"--resume --out {folder}", goesOn);
        Assert.Equal(saved, RunFolder.Numbers(folder, "step", "step")[^1]);
        Assert.Empty(JsonEvents.Of(result, "done"));
        return saved;
    }

    /// <summary>Three moments before the first step.</summary>
    private static void WaitForStartUp(CommandRun run, string folder, int moment)
    {
        switch (moment)
        {
            case 0:
                WaitForFile(Path.Combine(folder, "logs", "coordinator.log"));
                break;
            case 1:
                WaitForFile(Path.Combine(folder, "logs", "w1.log"));
                break;
            default:
                run.WaitForEvent("worker");
                break;
        }
    }

    private static void WaitForFile(string path) => Assert.True(
        SpinWait.SpinUntil(() => File.Exists(path), TimeSpan.FromMinutes(2)), $"{path} is there");

    private void SameAsUndisturbed(Recipe recipe, string folder, CommandResult result)
    {
        Assert.Equal(JsonEvents.Hash(workplace.Undisturbed(recipe)), JsonEvents.Hash(result));
        RunFolder.HasWholeRecord(folder, recipe);
    }
}
