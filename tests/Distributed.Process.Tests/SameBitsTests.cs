namespace Distributed.Process.Tests;

/// <summary>The same seed gives the same bits, whatever the number of worker processes.</summary>
[Collection(ProcessCollection.Name)]
public sealed class SameBitsTests(Workplace workplace)
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void AdamOnTheCourseNetwork(int workers) => SameAsAlone(Recipe.CourseCnn, workers);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void MomentumWithBatchNormDropoutAndAugmentation(int workers) =>
        SameAsAlone(Recipe.Norm, workers);

    [Fact]
    public void WorkersBeyondTheShardsAreSparesAndTheUserIsTold()
    {
        CommandResult result = SameAsAlone(Recipe.CourseCnn, workers: 6);

        string notice = result.OnlyError();
        Assert.Contains("4 logical shards", notice);
        Assert.Contains("2 more are hot spares", notice);
        Assert.Contains("--logical-shards", notice);
        int[] ranks =
        [
            .. JsonEvents.Of(result, "worker")
                .Select(worker => worker.GetProperty("rank").GetInt32()),
        ];
        Assert.Equal([-1, -1, 0, 1, 2, 3], ranks.Order());
        Assert.Equal(
            4, JsonEvents.Of(result, "generation")[0].GetProperty("workers").GetArrayLength());
    }

    [Fact]
    public void AnotherSeedGivesOtherBits()
    {
        using CommandRun run = workplace.StartTraining(
            Recipe.CourseCnn, workplace.NewPath("seed"), workers: 1, "--seed", "2");

        CommandResult other = run.Finish().Expect(0);

        Assert.NotEqual(
            JsonEvents.Hash(workplace.Undisturbed(Recipe.CourseCnn)), JsonEvents.Hash(other));
    }

    private CommandResult SameAsAlone(Recipe recipe, int workers)
    {
        CommandResult alone = workplace.Undisturbed(recipe);
        using CommandRun run = workplace.StartTraining(
            recipe, workplace.NewPath($"{recipe.Name}-{workers}"), workers);
        CommandResult result = run.Finish().Expect(0);
        Assert.Equal(JsonEvents.Hash(alone), JsonEvents.Hash(result));
        Assert.Equal(recipe.Steps, JsonEvents.Done(result).GetProperty("steps").GetInt32());
        return result;
    }
}
