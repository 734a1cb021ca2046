using System.Text.Json;

namespace Distributed.Process.Tests;

/// <summary>A moment in a run: by the clock, and by the lines that had been read then.</summary>
internal readonly record struct Moment(DateTimeOffset At, int Line);

/// <summary>
/// A `train` whose processes are killed and stopped under way: who they are now, and that the end
/// is that of a run that was left in peace.
/// </summary>
internal sealed class DisturbedRun : IDisposable
{
    private readonly Workplace _workplace;
    private readonly Recipe _recipe;

    private DisturbedRun(
        Workplace workplace, Recipe recipe, string folder, CommandRun command)
    {
        _workplace = workplace;
        _recipe = recipe;
        Folder = folder;
        Command = command;
    }

    public string Folder { get; }

    public CommandRun Command { get; }

    /// <summary>Who has a rank, as far as the run has told.</summary>
    public IReadOnlyList<string> Ranks => Workers(Command.Arrivals("generation")[^1].Event);

    /// <summary>A run in single-node dev mode.</summary>
    public static DisturbedRun Start(
        Workplace workplace, Recipe recipe, int workers, params string[] more) => Start(
            workplace, recipe, ["--workers", $"{workers}", .. more],
            workplace.Start);

    /// <summary>A run on a cluster that was started by hand.</summary>
    /// <param name="workplace">Where.</param>
    /// <param name="recipe">What.</param>
    /// <param name="flags">The cluster, among others.</param>
    /// <param name="start">Starts the program with the arguments given.</param>
    public static DisturbedRun Start(
        Workplace workplace, Recipe recipe, string[] flags, Func<string[], CommandRun> start)
    {
        // Made ready before the run, so that its time is not counted into anything.
        workplace.Undisturbed(recipe);
        string folder = workplace.NewPath($"{recipe.Name}-disturbed");
        return new DisturbedRun(
            workplace, recipe, folder,
            start([.. workplace.Arguments(recipe), "--out", folder, .. flags]));
    }

    public static IReadOnlyList<string> Workers(JsonElement generation) =>
    [
        .. generation.GetProperty("workers").EnumerateArray()
            .Select(worker => worker.GetString()!),
    ];

    public Moment Now() => new(DateTimeOffset.UtcNow, Command.LineCount);

    public int WorkerId(string worker) => (int)Command.Arrivals("worker")
        .Last(arrival => arrival.Text("worker") == worker)
        .Number("pid");

    /// <summary>The coordinator's process; waits for it where it has just been killed.</summary>
    public int CoordinatorId()
    {
        int found = 0;
        Assert.True(
            SpinWait.SpinUntil(
                () =>
                {
                    found = Signals.ChildrenOf(Command.ProcessId).FirstOrDefault(
                        child => Signals.CommandLine(child).Contains("coordinator"));
                    return found != 0;
                },
                TimeSpan.FromMinutes(1)),
            "the command has started a coordinator");
        return found;
    }

    public string Log(string node) =>
        File.ReadAllText(Path.Combine(Folder, "logs", node + ".log"));

    /// <summary>Kills a worker that has a rank.</summary>
    public (Moment Moment, string Worker) KillOne(Random random)
    {
        IReadOnlyList<string> ranks = Ranks;
        string victim = ranks[random.Next(ranks.Count)];
        return (Kill(WorkerId(victim)), victim);
    }

    public Moment Kill(int processId)
    {
        Moment moment = Now();
        Signals.Send(processId, Signals.Kill);
        return moment;
    }

    /// <summary>
    /// The next change of the membership from there on; null where the run ends before.
    /// </summary>
    public Arrival? NextGeneration(Moment since, Func<IReadOnlyList<string>, bool> passes) =>
        Command.FindArrival(
            "generation", happened => passes(Workers(happened)), since.Line);

    /// <summary>
    /// The run ends well, with the bits of the undisturbed one and every step on record once.
    /// </summary>
    public CommandResult FinishAsUndisturbed()
    {
        CommandResult result = Command.Finish().Expect(0);
        Assert.True(
            JsonEvents.Hash(_workplace.Undisturbed(_recipe)) == JsonEvents.Hash(result),
            $"the bits differ from the undisturbed run's\n{result.Story}");
        JsonElement done = JsonEvents.Done(result);
        Assert.Equal(0, done.GetProperty("steps_lost").GetInt64());
        Assert.Equal(_recipe.Steps, done.GetProperty("steps").GetInt64());
        Assert.Equal(
            (long)_recipe.Epochs * Recipe.TrainSamples, done.GetProperty("samples").GetInt64());
        Assert.Equal(
            Enumerable.Range(1, _recipe.Epochs),
            JsonEvents.Of(result, "epoch").Select(epoch => epoch.GetProperty("epoch").GetInt32()));
        RunFolder.HasWholeRecord(Folder, _recipe);
        RunFolder.HasWholeEvents(Folder, _recipe);
        return result;
    }

    public void Dispose() => Command.Dispose();
}
