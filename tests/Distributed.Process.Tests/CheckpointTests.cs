using System.Globalization;
using Xunit.Abstractions;

namespace Distributed.Process.Tests;

/// <summary>What is saved stays usable, whatever the disk does.</summary>
[Collection(ProcessCollection.Name)]
public sealed class CheckpointTests(Workplace workplace, ITestOutputHelper output)
{
    /// <summary>
    /// Runs a command on a small disk of its own, which only it can see and which goes when it
    /// ends; then gives the disk room and resumes.
    /// </summary>
    private const string OnASmallDisk = """
        run=$1 program=$2; shift 2
        mkdir -p "$run" && mount -t tmpfs -o size=6m none "$run" || exit 125
        "$program" "$@" --out "$run"
        echo "exit $?"
        ls "$run/checkpoints"
        mount -o remount,size=64m "$run" || exit 125
        exec "$program" train --json --resume --out "$run" --workers 2
        """;

    [Fact]
    public void ADamagedCheckpointIsPassedOver()
    {
        string folder = workplace.NewPath("damaged");
        int last = Recipe.CourseCnn.Steps;
        using (CommandRun first = workplace.StartTraining(
            Recipe.CourseCnn, folder, workers: 1, "--checkpoint-every", "9"))
            first.Finish().Expect(0);

        string[] files = ["model.safetensors", "optimizer.safetensors", "manifest.json"];
        foreach (string file in files)
        {
            Assert.Equal(last, RunFolder.Checkpoints(folder)[^1]);
            RunFolder.Damage(RunFolder.NewestCheckpointFile(folder, file));
            using CommandRun again = workplace.StartResume(folder, workers: 2);
            CommandResult result = again.Finish().Expect(0);

            Assert.Equal(2, result.Errors.Count);
            Assert.Contains($"step-{last:D8}", result.Errors[0]);
            Assert.Contains(file, result.Errors[0]);
            Assert.Contains("falling back to the one before", result.Errors[0]);
            Assert.Contains("resuming after step 18", result.Errors[1]);
            Assert.Equal(
                JsonEvents.Hash(workplace.Undisturbed(Recipe.CourseCnn)), JsonEvents.Hash(result));
            Assert.Equal(
                last - 18, JsonEvents.Done(result).GetProperty("steps_redone").GetInt32());
            RunFolder.HasWholeRecord(folder, Recipe.CourseCnn);
        }
    }

    [Fact]
    public void NoCheckpointThatCanBeUsedIsSaid()
    {
        string folder = workplace.NewPath("useless");
        using (CommandRun first = workplace.StartTraining(
            Recipe.CourseCnn, folder, workers: 1, "--steps", "2"))
            first.Finish().Expect(0);
        RunFolder.Damage(RunFolder.NewestCheckpointFile(folder, "model.safetensors"));

        using CommandRun second = workplace.StartResume(folder, workers: 1);
        CommandResult result = second.Finish().Expect(1);

        Assert.Contains($"no checkpoint in {folder} can be used", result.Errors[^1]);
    }

    [Fact]
    public void AFullDiskKeepsTheLastGoodCheckpoint()
    {
        if (OwnMounts.Flags(workplace) is not { } unshare)
        {
            output.WriteLine("NOT TESTED: this system lets its user mount nothing");
            return;
        }

        string folder = workplace.NewPath("full");
        using CommandRun run = CommandRun.Start(
            workplace,
            [
                .. unshare, "sh", "-c", OnASmallDisk, "sh", folder, Repository.Program,
                .. workplace.Arguments(Recipe.CourseCnn), "--workers", "2",
                "--checkpoint-every", "5", "--set", "keepCheckpoints=9",
            ],
            "unshare");
        CommandResult both = run.Finish().Expect(0);

        int end = both.Output.ToList().IndexOf("exit 1");
        Assert.True(end > 0, both.Story);
        // A checkpoint leaves so little room that the record may be what meets the end of it.
        Assert.Contains(folder, both.Errors[0]);
        Assert.Contains("the disk is full", both.Errors[0]);
        string[] saved = [.. both.Output.Skip(end + 1).TakeWhile(IsCheckpoint)];
        Assert.NotEmpty(saved);
        string newest = saved[^1]["step-".Length..].TrimStart('0');
        Assert.Contains($"resuming after step {newest}", both.Errors[1]);
        Assert.Equal(2, both.Errors.Count);
        var resumed = new CommandResult(
            both.Command, 0, [.. both.Output.Skip(end + 1 + saved.Length)], []);
        Assert.Equal(
            JsonEvents.Hash(workplace.Undisturbed(Recipe.CourseCnn)), JsonEvents.Hash(resumed));
    }

    private static bool IsCheckpoint(string line) =>
        line.StartsWith("step-", StringComparison.Ordinal)
        && int.TryParse(
            line["step-".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out _);
}
