using System.Text.Json;
using Xunit.Abstractions;

namespace Distributed.Process.Tests;

/// <summary>A worker whose memory changes by itself.</summary>
[Collection(ProcessCollection.Name)]
public sealed class CorruptionTests(Workplace workplace, ITestOutputHelper output)
{
    /// <summary>So many bytes are nowhere else by chance.</summary>
    private const int ContentBytes = 512;

    /// <summary>
    /// With so small a rate the weights stay as they are drawn, bit for bit, so that those of
    /// another run's checkpoint are found in a worker's memory at any step.
    /// </summary>
    [Fact]
    public void AWorkerWhoseParametersChangeIsEjectedAndTheRunEndsWithTheBitsOfAnUndisturbedOne()
    {
        if (ProcessMemory.Obstacle is { } obstacle)
        {
            output.WriteLine($"NOT TESTED: {obstacle}");
            return;
        }

        Recipe course = Recipe.LongCourseCnn;
        Recipe recipe = course with
        {
            Name = "still-course",
            Flags = place => [.. course.Flags(place), "--lr", "1e-30"],
        };
        using DisturbedRun run = DisturbedRun.Start(workplace, recipe, workers: 3);
        Arrival saved = run.Command.WaitForArrival("checkpoint");
        byte[] content = Weights(
            JsonEvents.Done(workplace.Undisturbed(recipe)).GetProperty("run").GetString()!);
        string victim = run.Ranks[1];
        int process = run.WorkerId(victim);
        Signals.Send(process, Signals.Stop);
        int places = ProcessMemory.FlipWherever(process, content, ContentBytes / 2 + 3);
        Signals.Send(process, Signals.Continue);
        output.WriteLine($"changed {places} places after step {saved.Number("step")}");
        Assert.True(places > 0, "the worker's memory holds its parameters");
        CommandResult result = run.Command.Finish().Expect(0);

        Assert.Contains(
            $"worker {victim} is ejected: after step ", string.Join('\n', result.Errors),
            StringComparison.Ordinal);
        Assert.Equal(JsonEvents.Hash(workplace.Undisturbed(recipe)), JsonEvents.Hash(result));
        JsonElement done = JsonEvents.Done(result);
        Assert.Equal(0, done.GetProperty("steps_lost").GetInt64());
        Assert.True(done.GetProperty("steps_redone").GetInt64() > 0);
        Assert.DoesNotContain(victim, run.Ranks);
        RunFolder.HasWholeRecord(run.Folder, recipe);
    }

    /// <summary>Of the network's largest layer, which holds the middle of the file.</summary>
    private byte[] Weights(string run)
    {
        byte[] bytes = File.ReadAllBytes(RunFolder.NewestCheckpointFile(
            Path.GetFullPath(run, workplace.CurrentFolder), "model.safetensors"));
        return bytes.AsSpan(bytes.Length / 2 / 4 * 4, ContentBytes).ToArray();
    }
}
