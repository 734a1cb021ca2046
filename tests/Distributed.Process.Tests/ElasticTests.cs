using System.Text.Json;
using Xunit.Abstractions;

namespace Distributed.Process.Tests;

/// <summary>
/// Workers are killed and replaced while they train: no step is lost, and the bits stay the same.
/// </summary>
[Collection(ProcessCollection.Name)]
public sealed class ElasticTests(Workplace workplace, ITestOutputHelper output)
{
    private const int Workers = 4;

    /// <summary>Recipes, transports and seeds; the ordinary suite has each of them once.</summary>
    public static TheoryData<string, string, int> Rounds()
    {
        string[] recipes = [Recipe.LongCourseCnn.Name, Recipe.LongAdamNorm.Name];
        string[] transports = ["grpc", "shm"];
        var rounds = new TheoryData<string, string, int>();
        foreach (int seed in Chaos.Seeds(ordinary: 2, chaos: 20))
        {
            for (int recipe = 0; recipe < recipes.Length; recipe++)
            {
                for (int transport = 0; transport < transports.Length; transport++)
                {
                    if (Chaos.IsOn || (recipe == transport && seed == recipe + 1))
                        rounds.Add(recipes[recipe], transports[transport], seed);
                }
            }
        }

        return rounds;
    }

    [Theory]
    [MemberData(nameof(Rounds))]
    public void TwoKilledWorkersAreReplaced(string recipeName, string transport, int seed)
    {
        Recipe recipe = Recipe.Of(recipeName);
        var random = new Random(seed);
        int third = recipe.Steps / 3;
        using DisturbedRun run = DisturbedRun.Start(
            workplace, recipe, Workers, "--transport", transport);

        run.Command.WaitForStep(random.Next(1, third));
        (Moment first, string firstVictim) = run.KillOne(random);
        Arrival regrouped = run.Command.WaitForArrival("generation", from: first.Line);
        // Every other round kills the second one while the first one's successor is on its way.
        if (seed % 2 == 0)
            run.Command.WaitForStep(random.Next(third, 2 * third));
        (Moment second, string secondVictim) = run.KillOne(random);
        run.Command.WaitForArrival("generation", from: second.Line);
        Arrival? whole = run.NextGeneration(second, workers => workers.Count == Workers);
        output.WriteLine(whole is null
            ? "the run ended before it had all its workers again"
            : $"all workers again after step {whole.Number("step")}");

        CommandResult result = run.FinishAsUndisturbed();
        Assert.Contains(firstVictim, regrouped.Text("reason"));
        Assert.All(
            new[] { firstVictim, secondVictim },
            victim => Assert.Contains(
                result.Errors, line => line.Contains(victim, StringComparison.Ordinal)));
        RedoesAtMostTheStepInFlight(result, kills: 2);
    }

    private static void RedoesAtMostTheStepInFlight(CommandResult result, int kills)
    {
        JsonElement done = JsonEvents.Done(result);
        Assert.InRange(done.GetProperty("steps_redone").GetInt64(), 0, kills);
        JsonElement last = JsonEvents.Of(result, "generation")[^1];
        Assert.Equal(
            last.GetProperty("generation").GetInt32(),
            done.GetProperty("generations").GetInt32());
    }
}
