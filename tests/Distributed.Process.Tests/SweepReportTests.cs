using System.Text.Json;

namespace Distributed.Process.Tests;

/// <summary>A sweep of real trials, from its file to its report.</summary>
[Collection(ProcessCollection.Name)]
public sealed class SweepReportTests(Workplace workplace)
{
    [Fact]
    public void ASweepLeavesItsReportAndTheCommandMakesItAgain()
    {
        string file = workplace.NewPath("small") + ".yaml";
        string folder = workplace.NewPath("sweep");
        // Epochs that vary: a trial is over when its own are.
        File.WriteAllText(
            file,
            $$"""
            run: {dataset: {{workplace.DatasetFolder}}, model: course-cnn}
            space:
              globalBatch: {choice: {40: {epochs: 1}, 80: {epochs: 2} } }
            sampler: grid
            seeds: 2
            """);

        CommandResult result = workplace.Run("sweep", file, "--out", folder, "--json").Expect(0);

        JsonElement done = JsonEvents.Of(result, "done").Single();
        string[] files =
            [.. done.GetProperty("files").EnumerateArray().Select(path => path.GetString()!)];
        Assert.Equal(
            ["trials.csv", "trials.json", "report.html", "report.md"],
            files.Select(path => Path.GetFileName(path)));
        Assert.Equal(4, done.GetProperty("completed").GetInt32());
        string answer = done.GetProperty("answer").GetString()!;
        Assert.StartsWith("Best of 2 configurations: globalBatch=", answer);
        string text = File.ReadAllText(Path.Combine(folder, "report.md"));
        Assert.Contains(answer, text);
        Assert.Contains("./distributed sweep", text);

        string page = workplace.NewPath("again") + ".html";
        CommandResult again = workplace.Run("report", folder, "--out", page).Expect(0);
        Assert.Equal([page, Path.ChangeExtension(page, ".md")], again.Output);
        Assert.Equal(text, File.ReadAllText(Path.ChangeExtension(page, ".md")));
    }
}
