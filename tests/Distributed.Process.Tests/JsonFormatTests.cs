using System.Text.Json;

namespace Distributed.Process.Tests;

/// <summary>What `train --json` prints is a published format.</summary>
[Collection(ProcessCollection.Name)]
public sealed class JsonFormatTests(Workplace workplace)
{
    private static readonly Dictionary<string, string> Fields = new()
    {
        ["listening"] = "event address pbm dashboard metrics",
        ["worker"] = "event worker pid address rank device",
        ["generation"] = "event generation step workers reason",
        ["step"] = "event step epoch loss images_per_second",
        ["epoch"] = "event epoch train_loss test_loss test_accuracy seconds",
        ["checkpoint"] = "event step path",
        ["done"] = "event steps samples test_accuracy test_loss parameters_sha256 "
            + "images_per_second generations steps_redone steps_lost seconds run",
    };

    [Fact]
    public void StandardOutputHoldsTheEventsAndNothingElse()
    {
        string folder = workplace.NewPath("json");
        using CommandRun run = workplace.StartTraining(
            Recipe.CourseCnn, folder, workers: 2, "--checkpoint-every", "10");
        CommandResult result = run.Finish().Expect(0);

        Assert.Empty(result.Errors);
        List<JsonElement> events = [.. result.Output.Select(JsonEvents.Parse)];
        foreach (JsonElement happened in events)
        {
            string names = string.Join(
                ' ', happened.EnumerateObject().Select(property => property.Name));
            Assert.Equal(Fields[JsonEvents.Kind(happened)], names);
        }

        string[] kinds = [.. events.Select(JsonEvents.Kind)];
        Assert.Equal(["listening", "worker", "worker", "generation"], kinds[..4]);
        Assert.Equal("done", kinds[^1]);
        Assert.Equal(Fields.Keys.Order(), kinds.Distinct().Order());
        HasValuesOfTheRun(result, folder);
    }

    [Fact]
    public void WithoutJsonThePlainLinesEndWithTheHash()
    {
        CommandResult result = workplace.Run(
            [
                .. workplace.Arguments(Recipe.CourseCnn).Except(["--json"]), "--out",
                workplace.NewPath("plain"),
            ]);

        result.Expect(0);
        Assert.Empty(result.Errors);
        string hash = JsonEvents.Hash(workplace.Undisturbed(Recipe.CourseCnn));
        Assert.Contains(result.Output, line => line.Contains(hash, StringComparison.Ordinal));
        Assert.Equal(
            Recipe.CourseCnn.Epochs,
            result.Output.Count(line => line.Contains("test accuracy", StringComparison.Ordinal)
                && line.StartsWith("epoch ", StringComparison.Ordinal)));
    }

    private static void HasValuesOfTheRun(CommandResult result, string folder)
    {
        Recipe recipe = Recipe.CourseCnn;
        string[] workers =
        [
            .. JsonEvents.Of(result, "worker").Select(up => up.GetProperty("worker").GetString()!),
        ];
        Assert.Equal(["w0", "w1"], workers.Order());
        long[] steps =
        [
            .. JsonEvents.Of(result, "step").Select(step => step.GetProperty("step").GetInt64()),
        ];
        Assert.Equal(steps.Distinct().Order(), steps);
        Assert.Equal(recipe.Steps, steps[^1]);
        Assert.Equal(
            Enumerable.Range(1, recipe.Epochs),
            JsonEvents.Of(result, "epoch").Select(epoch => epoch.GetProperty("epoch").GetInt32()));
        Assert.Equal(
            [10L, 20L, recipe.Steps],
            JsonEvents.Of(result, "checkpoint")
                .Select(saved => saved.GetProperty("step").GetInt64()));
        Assert.All(
            JsonEvents.Of(result, "checkpoint"),
            saved => Assert.StartsWith(folder, saved.GetProperty("path").GetString()));
        JsonElement done = JsonEvents.Done(result);
        Assert.Equal(recipe.Steps, done.GetProperty("steps").GetInt32());
        Assert.Equal(
            recipe.Epochs * Recipe.TrainSamples, done.GetProperty("samples").GetInt32());
        Assert.Equal(1, done.GetProperty("generations").GetInt32());
        Assert.Matches("^[0-9a-f]{64}$", done.GetProperty("parameters_sha256").GetString());
        Assert.Equal(
            done.GetProperty("test_accuracy").GetDouble(),
            JsonEvents.Of(result, "epoch")[^1].GetProperty("test_accuracy").GetDouble());
    }
}
